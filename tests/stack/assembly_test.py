"""The assembly: names of the configuration to functions, and their parameters."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.configs import default, full, paper_schedule, testing
from pie_jax.converters import stack

from pie_jax import assembly, catalogue
from pie_jax.core.errors import PieError
from pie_jax.core.theta import COMPONENTS, SIZES, neutral
from pie_jax.energy import crops
from pie_jax.face import deep3d as deep3d_face
from pie_jax.io import weights
from pie_jax.networks import deep3d, stylegan1, stylegan2
from tests import builders

PARTS = ["generator", "perceptual", "recognition"]


def never(params, template, name):
    raise AssertionError(f"{name} was checked")


def test_the_testing_configuration_needs_no_weights():
    config = testing.get_config()
    assert assembly.required_weights(config) == {}
    params = assembly.assemble_params(config, {}, never)
    assert set(params) == {"generator"}
    assembled = assembly.assemble(config)
    assert assembled.networks[:2] == (None, None)
    generator = assembled.generator
    w_plus = jnp.ones((1, generator.num_ws, 512))
    image = generator.synthesis(params["generator"], w_plus)
    assert image.shape == (1, generator.resolution, generator.resolution, 3)


def test_random_parameters_are_the_same_each_time():
    config = testing.get_config()
    first, second = (assembly.assemble_params(config, {}, never) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_the_default_configuration_names_weights_of_the_stack():
    required = assembly.required_weights(default.get_config())
    assert set(required) == set(PARTS)
    assert set(required.values()) <= stack.ASSETS.keys()


@pytest.mark.parametrize("part", PARTS[1:])
def test_a_part_that_is_left_out_needs_no_weights(part):
    config = default.get_config()
    config[part] = ""
    config.energy[part] = 0.0
    assert set(assembly.required_weights(config)) == set(PARTS) - {part}
    assembled = assembly.assemble(config)
    assert getattr(assembled.networks, part) is None


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_network_is_refused_with_the_known_ones(part):
    config = default.get_config()
    config[part] = "nonesuch"
    known = sorted(catalogue.PARTS[part])
    for function in (assembly.assemble, assembly.required_weights):
        with pytest.raises(ValueError) as error:
            function(config)
        assert f"config.{part} is 'nonesuch'; choose one of {known}" in str(error.value)


@pytest.mark.parametrize(("name", "nothing"), [("generator", ""), ("stages", ())])
def test_neither_the_generator_nor_the_stages_can_be_left_out(name, nothing):
    config = testing.get_config()
    config[name] = nothing
    with pytest.raises(ValueError, match=f"config.{name} is empty"):
        assembly.assemble(config)


@pytest.mark.parametrize("part", PARTS[1:])
def test_a_term_without_its_network_is_refused(part):
    config = default.get_config()
    config[part] = ""
    message = f"config.energy.{part} is set, but config.{part} is empty"
    with pytest.raises(ValueError, match=message):
        assembly.assemble(config)


def test_an_unknown_term_is_refused():
    config = testing.get_config()
    config.energy.pixels = 1.0
    with pytest.raises(ValueError, match=r"unknown energy terms \['pixels'\]"):
        assembly.assemble(config)


def test_a_wrong_value_of_a_stage_is_refused():
    config = testing.get_config()
    config.stages[1].optimizer = "sgd"
    with pytest.raises(ValueError, match="optimizer is 'sgd'"):
        assembly.assemble(config)


@pytest.mark.parametrize(
    ("configuration", "stages"),
    [
        (default, [("w", 40), ("w_plus", 220)]),
        (paper_schedule, [("w", 2000), ("w_plus", 1000)]),
    ],
)
def test_the_stages_are_those_of_the_configuration(configuration, stages):
    assembled = assembly.assemble(configuration.get_config())
    assert [(s.space, s.num_steps) for s in assembled.stages] == stages
    generator = assembled.generator
    assert (generator.num_ws, generator.resolution) == (23, 1024)
    assert assembled.stages[0].expand(jnp.zeros(512)).shape == (23, 512)


@pytest.mark.parametrize("wanted", ["the prior", "principal coordinates"])
def test_moments_of_the_codes_are_there_where_they_are_wanted(wanted):
    config = testing.get_config()
    if wanted == "the prior":
        config.energy.prior = 1.0
    else:
        config.stages[1].coordinates = "principal"
    params = assembly.assemble_params(config, {}, never)
    shapes = jax.tree.map(jnp.shape, params["latents"])
    assert shapes == {"mean": (512,), "axes": (512, 512)}


def test_loaded_parameters_are_checked_against_the_networks_layout():
    config = default.get_config()
    config.energy.prior = 0.0  # these parameters map no code
    for values in config.stages:
        values.coordinates = "w"
    loaded = {part: {"leaf": np.full(3, i)} for i, part in enumerate(PARTS)}
    checked = {}

    def check(params, template, name):
        checked[name] = params, template

    params = assembly.assemble_params(config, loaded, check)
    assert set(checked) == set(assembly.required_weights(config).values())
    for part, name in assembly.required_weights(config).items():
        assert checked[name][0] is loaded[part]
        assert isinstance(params[part]["leaf"], jax.Array)
        np.testing.assert_array_equal(params[part]["leaf"], loaded[part]["leaf"])
    generator = checked["mobile_stylegan_ffhq"][1]
    assert set(generator) == {"mapping", "synthesis", "w_avg"}
    assert generator["w_avg"].shape == (512,)
    assert checked["vgg16"][1]["block4_conv2"]["kernel"].shape == (3, 3, 512, 512)
    assert checked["dlib_resnet"][1]["fc"]["kernel"].shape == (256, 128)


@pytest.mark.parametrize("module", [stylegan1, stylegan2])
def test_a_generator_is_as_large_as_its_parameters(module):
    config = testing.get_config()
    config.generator = module.__name__.rpartition(".")[2]
    assert assembly.assemble(config).generator.resolution == 1024
    layout = jax.eval_shape(
        lambda key: module.init_params(key, (6, 5), mapping_layers=3), jax.random.key(0)
    )
    assembled = assembly.assemble(config, {"generator": layout})
    assert (assembled.generator.num_ws, assembled.generator.resolution) == (4, 8)
    assert assembled.stages[0].expand(jnp.zeros(512)).shape == (4, 512)
    for params in ({}, {"mapping": {}, "synthesis": {}}, {"leaf": np.zeros(3)}):
        with pytest.raises(ValueError, match="parameters are not those of stylegan"):
            assembly.assemble(config, {"generator": params})


def test_parameters_that_do_not_fit_are_refused():
    loaded = {part: {"leaf": np.zeros(3, np.float32)} for part in PARTS}
    with pytest.raises(PieError, match="(?s)missing: w_avg.*surplus: leaf"):
        assembly.assemble_params(default.get_config(), loaded, weights.check)


@pytest.mark.real
def test_the_converted_weights_fit_the_networks():
    config = default.get_config()
    names = assembly.required_weights(config)
    stack.ensure(*names.values(), progress=False)
    loaded = {part: weights.load(name) for part, name in names.items()}
    params = assembly.assemble_params(config, loaded, weights.check)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))


def test_vgg_face_sees_its_own_part_of_the_portrait():
    config = default.get_config()
    config.recognition = "vgg_face"
    assert assembly.required_weights(config)["recognition"] == "vgg_face"
    assert assembly.assemble(config).networks.crop is crops.vgg_face_patch
    config.recognition = "dlib_resnet"
    assert assembly.assemble(config).networks.crop is crops.dlib_chip


def test_an_encoder_is_a_part_only_where_the_embedding_begins_with_it():
    config = default.get_config()
    config.start = "mean"
    assert "encoder" not in assembly.required_weights(config)
    config.start = "encoder"
    assert assembly.required_weights(config)["encoder"] == "encoder"


def compare(config):
    """Has the last stage compare energies, in coordinates of their curvature."""
    config.stages[1].optimizer, config.stages[1].schedule = "quasi_newton", "adaptive"
    config.stages[1].coordinates = "curvature"
    return config


def test_the_curvature_is_a_part_only_where_a_stage_has_its_coordinates():
    config = default.get_config()
    assert "curvature" not in assembly.required_weights(config)
    assert assembly.required_weights(compare(config))["curvature"] == "curvature"
    params = assembly.assemble_params(compare(testing.get_config()), {}, never)
    shapes = jax.tree.map(jnp.shape, params["curvature"])
    num_ws = assembly.assemble(testing.get_config()).generator.num_ws
    assert shapes["directions"][::2] == shapes["roots"]
    assert shapes["rest"] == (num_ws,) and "latents" in params


def test_a_curvature_that_was_not_measured_is_refused():
    config = compare(testing.get_config())
    config.generator = "stylegan2"
    with pytest.raises(ValueError, match="was not measured for stylegan2; choose"):
        assembly.assemble(config)


def test_energies_of_different_people_are_not_compared():
    config = compare(testing.get_config())
    config.energy.edit_landmark = 1e-7
    with pytest.raises(ValueError, match="draw a v in each step"):
        assembly.assemble(config)


@pytest.mark.parametrize("start", ["mean", "encoder"])
def test_every_start_gives_codes_of_the_generator(start):
    config = testing.get_config()
    config.start = start
    params = assembly.assemble_params(config, {}, never)
    assembled = assembly.assemble(config, params)
    image = jnp.linspace(-1, 1, 2 * 16 * 16 * 3).reshape(2, 16, 16, 3)
    w_plus = assembled.start(params, image)
    assert w_plus.shape == (2, assembled.generator.num_ws, 512)
    # The encoder looks at the picture, the mean does not.
    assert bool(jnp.allclose(w_plus[0], w_plus[1], atol=1e-4)) == (start == "mean")


@pytest.mark.parametrize(
    ("start", "generator", "message"),
    [
        ("median", "testing", "'median'; choose 'encoder' or 'mean'"),
        ("encoder", "stylegan2", "there is none for stylegan2; choose 'mean'"),
    ],
)
def test_a_start_that_there_is_not_is_refused(start, generator, message):
    config = testing.get_config()
    config.start, config.generator = start, generator
    with pytest.raises(ValueError, match=message):
        assembly.assemble(config)


def test_files_and_edits_may_want_what_no_term_needs():
    config = default.get_config()
    assert set(assembly.required_weights(config)) == set(PARTS)
    wanted = ("mofa", "face_model", "rig_expression")
    required = assembly.required_weights(config, wanted)
    assert {k: required[k] for k in required.keys() - set(PARTS)} == {
        "mofa": "mofa",
        "face_model": "morphable",
        "rig_expression": "rig_expression",
    }
    assembled = assembly.assemble(config, also=wanted)
    assert set(assembled.rigs) == {"expression"} and assembled.estimate is not None


def test_rigs_belong_to_a_generator():
    config = full.get_config()
    config.generator = "stylegan2"
    assert assembly.required_weights(config)["rig"] == "rig_rotation_stylegan2"
    rigs = catalogue.rig(catalogue.RIGS["rignet"], config.generator, "rotation")
    params = builders.random_params(rigs.init)
    assembly.assemble(config, {"rig": params})
    config.generator = "mobile_stylegan_ffhq"
    with pytest.raises(ValueError, match="rig is for codes of 18 rows.*have 23"):
        assembly.assemble(config, {"rig": params})


def test_deep3d_gives_theta_of_its_face_model():
    config = default.get_config()
    config.mofa, config.face_model = "deep3d", "bfm_front"
    model = builders.toy_morphable()
    network = builders.random_params(
        lambda key: deep3d.Deep3D(1 / 16).init(key, jnp.zeros((1, 224, 224, 3)))[
            "params"
        ]
    )
    loaded = {"mofa": network, "face_model": model}
    parts = ("mofa", "face_model")
    assembled = assembly.assemble(config, loaded, parts)
    params = assembly.assemble_params(config, loaded, weights.check, parts)
    image = jnp.linspace(-1, 1, 256 * 256 * 3).reshape(1, 256, 256, 3)
    found = assembled.estimate(params["mofa"], image)
    seen = deep3d.Deep3D(1 / 16).apply({"params": network}, image)
    chex.assert_trees_all_close(found, deep3d_face.theta(model, seen), rtol=1e-5)


FACE_PARTS = {"mofa", "rig", "face_model"}


def test_what_edits_is_a_part_only_where_a_term_needs_it():
    config = full.get_config()
    required = assembly.required_weights(config)
    assert set(required) == {*PARTS, *FACE_PARTS}
    assert [required[x] for x in ("mofa", "rig", "face_model")] == [
        "mofa",
        "rig_rotation",
        "morphable",
    ]
    assert assembly.needs_bank(config)
    config.sampler = "online"
    assert "landmark_net" in assembly.required_weights(config)
    assert not assembly.needs_bank(config)
    for name in config.energy:
        if name not in default.get_config().energy:
            config.energy[name] = 0.0
    assert set(assembly.required_weights(config)) == set(PARTS)
    assembled = assembly.assemble(config)
    assert (assembled.estimate, assembled.rigs) == (None, {})
    config.energy.rig_identity = 1.0  # looks at no other face
    assert set(assembly.required_weights(config)) == {*PARTS, "mofa", "rig"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_rig_is_that_of_the_component(component):
    config = testing.get_config()
    config.energy.rig_identity, config.component = 1.0, component
    params = assembly.assemble_params(config, {}, never)
    assembled = assembly.assemble(config, params)
    assert set(assembled.rigs) == {component}
    assert params["rig"]["mean"].shape == (SIZES[component],)
    w_plus = jnp.ones((2, assembled.generator.num_ws, 512))
    edited = assembled.rigs[component].edit(params["rig"], w_plus, neutral((2,)))
    assert edited.shape == w_plus.shape and bool(jnp.any(edited != w_plus))
    image = jnp.zeros((2, 16, 16, 3))
    assert assembled.estimate(params["mofa"], image).rotation.shape == (2, 3)
    config.generator = "mobile_stylegan_ffhq"
    config.rig = "rignet"
    assert assembly.required_weights(config)["rig"] == f"rig_{component}"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("component", "identity", "config.component is 'identity'; choose one of"),
        ("sampler", "bench", "config.sampler is 'bench'; choose one of"),
        ("mofa", "nonesuch", "config.mofa is 'nonesuch'; choose one of"),
        ("rig", "nonesuch", "config.rig is 'nonesuch'; choose one of"),
        ("mofa", "", "config.energy.edit_landmark is set, but config.mofa is empty"),
        ("rig", "", "config.energy.edit_landmark is set, but config.rig is empty"),
        ("mofa", "deep3d", "'deep3d', which sees faces of bfm_front, not of morphable"),
        ("face_model", "nonesuch", "config.face_model is 'nonesuch'; choose one of"),
    ],
)
def test_a_choice_that_does_not_fit_the_terms_is_refused(name, value, message):
    config = testing.get_config()
    config[name] = value
    assembly.assemble(config)  # no term asks for it
    config.energy.edit_landmark = 1.0
    with pytest.raises(ValueError, match=message):
        assembly.assemble(config)


def test_a_face_model_is_taken_as_it_is_loaded():
    config = testing.get_config()
    config.energy.edit_landmark = 1.0
    model = object()
    params = assembly.assemble_params(config, {"face_model": model}, never)
    assert params["face_model"] is model
