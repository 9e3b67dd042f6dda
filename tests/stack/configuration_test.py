import pytest
from ml_collections import ConfigDict

from pie_jax import assembly
from pie_jax.cli import config, embed
from pie_jax.core.errors import PieError

OWN = """
from pie_jax.configs import testing

def get_config():
    config = testing.get_config()
    config.batch_size = 7
    return config
"""


def test_the_shipped_configurations_are_listed():
    names = {"default", "testing", "paper", "fast", "paper_schedule", "stylegan2"}
    assert names <= set(config.shipped())
    assert not {"common", "__init__"} & set(config.shipped())


@pytest.mark.parametrize("name", config.shipped())
def test_every_shipped_configuration_assembles(name):
    values = config.load(name)
    assembled = assembly.assemble(values)
    assert len(assembled.stages) == len(values.stages)
    steps = [stage.num_steps for stage in assembled.stages]
    assert steps == [stage.num_steps for stage in values.stages]
    assert assembled.stages[-1].space == "w_plus"


@pytest.mark.parametrize("name", ["paper_schedule", "paper"])
def test_the_paper_schedule_is_the_papers(name):
    first, second = config.load(name).stages
    assert (first.space, first.num_steps, first.step_size) == ("w", 2000, 50)
    assert (second.space, second.num_steps, second.step_size) == ("w_plus", 1000, 10)
    assert {first.optimizer, second.optimizer} == {"adadelta"}


def test_the_paper_configuration_has_the_papers_networks_and_weights():
    values = config.load("paper")
    networks = (values.generator, values.perceptual, values.recognition)
    assert networks == ("stylegan1", "vgg16", "vgg_face")
    assert (values.mofa, values.face_model) == ("deep3d", "bfm_front")
    # Spec: l2 1e-6, p 1e-6, id 1.0, ph 0.001, lm 0.2, e 10, inv 10, rw 0.1, rv 0.1.
    assert values.energy.to_dict() == pytest.approx(
        {
            "pixel": 1e-6,
            "perceptual": 1e-6,
            "rig_identity": 1.0,
            "edit_photometric": 0.01,
            "edit_landmark": 2.0,
            "invariance_photometric": 0.01,
            "invariance_landmark": 2.0,
            "recognition": 0.1,
            "recognition_edited": 0.1,
        }
    )
    assert assembly.assemble(values).generator.num_ws == 18
    required = assembly.required_weights(values)
    assert required == {
        "generator": "stylegan1",
        "perceptual": "vgg16",
        "recognition": "vgg_face",
        "mofa": "deep3d",
        "face_model": "bfm_front",
        "rig": "rig_rotation_stylegan1",
    }


def test_the_stylegan2_configuration_is_the_default_with_another_generator():
    values, default = config.load("stylegan2").to_dict(), config.load("default")
    assert values.pop("generator") == "stylegan2"
    assert values == {k: v for k, v in default.to_dict().items() if k != "generator"}


@pytest.mark.parametrize("name", ["paper", "stylegan2"])
def test_parts_can_be_mixed(name):
    choices = [
        "--config.generator=mobile_stylegan_ffhq",
        "--config.recognition=dlib_resnet",
        "--config.mofa=mofa",
        "--config.face_model=morphable",
    ]
    values = config.load(name, choices)
    edited = {"mofa": "mofa", "face_model": "morphable", "rig": "rig_rotation"}
    assert assembly.required_weights(values) == {
        "generator": "mobile_stylegan_ffhq",
        "perceptual": "vgg16",
        "recognition": "dlib_resnet",
        **(edited if name == "paper" else {}),
    }
    assert assembly.assemble(values).generator.num_ws == 23


def test_the_default_takes_at_most_300_steps():
    assert sum(stage.num_steps for stage in config.load("default").stages) <= 300


def test_the_examples_name_configurations_that_exist():
    words = embed.EXAMPLES.split()
    named = [words[i + 1] for i, word in enumerate(words) if word == "--config"]
    assert named
    assert set(named) <= set(config.shipped())


def test_a_file_is_loaded_by_its_path(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    assert config.load(str(file)).batch_size == 7
    assert config.load(str(file), ["--config.batch_size=3"]).batch_size == 3


def test_overrides_replace_values_and_keep_their_types():
    values = config.load(
        "testing",
        [
            "--config.stages[0].num_steps=11",
            "--config.stages[1].space=w",
            "--config.energy.pixel=2",
            "--config.generator=another",
        ],
    )
    assert values.stages[0].num_steps == 11
    assert values.stages[1].space == "w"
    assert values.energy.pixel == 2.0
    assert isinstance(values.energy.pixel, float)
    assert values.generator == "another"
    assert config.load("testing").stages[0].num_steps == 6


@pytest.mark.parametrize(
    "override, suggestion",
    [
        ("--config.bach_size=2", "did you mean config.batch_size"),
        ("--config.energy.pixle=2", "did you mean config.energy.pixel"),
        ("--config.stages[0].num_step=2", r"did you mean config.stages\[0\].num_steps"),
        ("--config.stages[9].num_steps=2", "no value 'config.stages.9..num_steps'"),
        ("--config.frobnicate=2", "no value 'config.frobnicate'"),
    ],
)
def test_a_name_that_does_not_exist_is_an_error_with_the_nearest(override, suggestion):
    with pytest.raises(PieError, match=suggestion):
        config.load("default", [override])


@pytest.mark.parametrize(
    "override",
    [
        "--config.batch_size=two",
        "--config.batch_size=2.5",
        "--config.batch_size=",
        "--config.batch_size",
        "--config.energy.pixel=much",
        "--config.stages[0].num_steps=1e3",
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_it(override):
    with pytest.raises(PieError, match="configuration testing.*config"):
        config.load("testing", [override])


@pytest.mark.parametrize("name", ["absent.py", "defalt", ".", ""])
def test_a_missing_file_is_an_error_that_lists_what_ships(name):
    with pytest.raises(PieError, match="no configuration.*default"):
        config.load(name)


@pytest.mark.parametrize(
    "content, reason",
    [
        ("def get_config(:", "invalid syntax"),
        ("import a_library_that_is_absent", "a_library_that_is_absent"),
        ("def get_config():\n    return 1 / 0", "division by zero"),
        ("seven = 7", "get_config"),
        ("def get_config():\n    return {'batch_size': 2}", "ConfigDict"),
        (
            "from ml_collections import ConfigDict as get_config",
            "lacks .*generator",
        ),
    ],
)
def test_a_file_that_gives_no_configuration_is_named(tmp_path, content, reason):
    file = tmp_path / "own.py"
    file.write_text(content)
    with pytest.raises(PieError, match=rf"own\.py.*{reason}"):
        config.load(str(file))


def test_a_loaded_configuration_takes_no_new_names():
    values = config.load("default")
    assert isinstance(values, ConfigDict)
    with pytest.raises(AttributeError):
        values.bach_size = 2
