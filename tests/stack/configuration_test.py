import pytest
from ml_collections import ConfigDict

from pie_jax.cli import embed
from pie_jax.core.errors import PieError
from pie_jax.stack import assembly, configuration
from pie_jax.stack.configuration import load
from pie_jax.stack.uses import EMBED
from tests.stack.uses_test import needed

OWN = """
from pie_jax.configs import testing

def get_config():
    config = testing.get_config()
    config.batch_size = 7
    return config
"""


def test_the_shipped_configurations_are_listed():
    names = {"default", "testing", "paper", "fast", "paper_schedule", "stylegan2"}
    assert names <= set(configuration.shipped())
    assert not {"common", "__init__"} & set(configuration.shipped())
    words = embed.EXAMPLES.split()
    named = {words[i + 1] for i, word in enumerate(words) if word == "--config"}
    assert named and named <= set(configuration.shipped())


@pytest.mark.parametrize("name", configuration.shipped())
def test_every_shipped_configuration_assembles_and_takes_no_new_names(name):
    config = load(name)
    assert isinstance(config, ConfigDict)
    with pytest.raises(AttributeError):
        config.bach_size = 2
    functions = assembly.functions(config, EMBED, {})
    steps = [stage.num_steps for stage in functions.stages]
    assert steps == [stage.num_steps for stage in config.stages]
    spaces = [stage.space for stage in functions.stages]
    assert spaces == [x for x in ("w", "w_plus", "generator") if x in spaces]
    assert "w_plus" in spaces
    if name == "default":
        assert sum(steps) <= 300


@pytest.mark.parametrize("name", ["paper_schedule", "full_schedule", "paper"])
def test_the_paper_schedule_is_the_papers(name):
    first, second = load(name).stages
    assert (first.space, first.num_steps, first.step_size) == ("w", 2000, 50)
    assert (second.space, second.num_steps, second.step_size) == ("w_plus", 1000, 10)
    assert {first.optimizer, second.optimizer} == {"adadelta"}


def test_direct_is_the_whole_energy_in_as_many_steps_in_w_plus_alone():
    whole, direct = load("default"), load("direct")
    first, last = direct.stages
    assert (first.space, last.space) == ("w_plus", "generator")
    assert direct.energy == whole.energy
    steps = [sum(x.num_steps for x in config.stages) for config in (direct, whole)]
    assert steps[0] == steps[1]


def test_the_paper_configuration_is_the_papers_and_parts_can_be_mixed():
    config = load("paper")
    # Spec: l2 1e-6, p 1e-6, id 1.0, ph 0.001, lm 0.2, e 10, inv 10, rw 0.1, rv 0.1;
    # colours of ph in [0, 1], where ours are in [0, 255].
    assert config.energy.to_dict() == pytest.approx(
        {
            "pixel": 1e-6,
            "perceptual": 1e-6,
            "rig_identity": 1.0,
            "edit_photometric": 0.01 / 255**2,
            "edit_landmark": 2.0,
            "invariance_photometric": 0.01 / 255**2,
            "invariance_landmark": 2.0,
            "recognition": 0.1,
            "recognition_edited": 0.1,
        },
        rel=1e-9,
        abs=0,
    )
    assert {stage.sampler for stage in config.stages} == {"online"}
    assert assembly.functions(config, EMBED, {}).generator.num_ws == 18
    assert needed(config) == {
        "generator": "stylegan1",
        "perceptual": "vgg16",
        "recognition": "vgg_face",
        "mofa": "deep3d",
        "face_model": "bfm_front",
        "landmark_net": "landmark_net",
        "rig_rotation": "rig_rotation_stylegan1",
    }

    config, own = load("stylegan2").to_dict(), load("projection").to_dict()
    assert config == own | {"generator": "stylegan2"}
    choices = {
        "generator": "mobile_stylegan_ffhq",
        "recognition": "dlib_resnet",
        "mofa": "mofa",
        "face_model": "morphable",
    }
    config = load("paper", [f"--config.{part}={x}" for part, x in choices.items()])
    others = ("vgg16", "landmark_net", "rig_rotation", "to_rgb")
    assert {*needed(config).values()} == {*choices.values(), *others}


def test_a_file_is_loaded_by_its_path_and_overrides_keep_the_types_of_values(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN)
    assert load(str(file)).batch_size == 7
    assert load(str(file), ["--config.batch_size=3"]).batch_size == 3
    words = "stages[0].num_steps=11", "stages[1].space=w", "energy.pixel=2"
    words = [f"--config.{word}" for word in (*words, "generator=another")]
    config = load("testing", words)
    assert config.stages[0].num_steps == 11
    assert config.stages[1].space == "w"
    assert config.energy.pixel == 2.0
    assert isinstance(config.energy.pixel, float)
    assert config.generator == "another"
    assert load("testing").stages[0].num_steps == 6


@pytest.mark.parametrize(
    "override, message",
    [
        ("bach_size=2", "did you mean config.batch_size"),
        ("energy.pixle=2", "did you mean config.energy.pixel"),
        ("stages[0].num_step=2", r"did you mean config.stages\[0\].num_steps"),
        ("stages[9].num_steps=2", "no value 'config.stages.9..num_steps'"),
        ("frobnicate=2", "no value 'config.frobnicate'"),
        *[
            (override, "configuration testing.*config")
            for override in (
                *("batch_size=two", "batch_size=2.5", "batch_size=", "batch_size"),
                *("energy.pixel=much", "stages[0].num_steps=1e3"),
            )
        ],
    ],
)
def test_a_name_or_value_that_does_not_fit_is_an_error(override, message):
    with pytest.raises(PieError, match=message):
        load("testing", [f"--config.{override}"])


@pytest.mark.parametrize("name", ["absent.py", "defalt", ".", ""])
def test_a_missing_file_is_an_error_that_lists_what_ships(name):
    with pytest.raises(PieError, match="no configuration.*default"):
        load(name)


@pytest.mark.parametrize(
    "content, reason",
    [
        ("def get_config(:", "invalid syntax"),
        ("import a_library_that_is_absent", "a_library_that_is_absent"),
        ("def get_config():\n    return 1 / 0", "division by zero"),
        ("seven = 7", "get_config"),
        ("def get_config():\n    return {'batch_size': 2}", "ConfigDict"),
        ("from ml_collections import ConfigDict as get_config", "lacks .*generator"),
    ],
)
def test_a_file_that_gives_no_configuration_is_named(tmp_path, content, reason):
    file = tmp_path / "own.py"
    file.write_text(content)
    with pytest.raises(PieError, match=rf"own\.py.*{reason}"):
        load(str(file))
