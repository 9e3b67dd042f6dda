import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.configs import default, paper_schedule, projection, testing
from pie_jax.core.theta import COMPONENTS, SIZES, neutral
from pie_jax.face import crops
from pie_jax.face import deep3d as deep3d_face
from pie_jax.networks import deep3d, stylegan1, stylegan2
from pie_jax.stack import assembly, networks, uses
from pie_jax.stack.uses import EMBED, FIT
from tests import builders
from tests.stack.uses_test import PARTS, changed, compare, needed


def optimized_by(config, optimizer):
    """Has the last stage another optimizer."""
    config.stages[1].optimizer = optimizer
    return config


def sampled_by(config, sampler):
    config.stages[1].sampler = sampler
    return config


def build(config, use=EMBED, params=None):
    return assembly.functions(config, use, params or {})


def test_the_testing_configuration_needs_no_weights():
    config = testing.get_config()
    assert needed(config) == {"generator": None}
    functions = build(config)
    assert functions.networks[:2] == (None, None)
    assert (functions.editor, functions.silhouette) == (None, None)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_an_unknown_network_is_refused_with_the_known_ones(part):
    known = sorted(networks.NAMED[part])
    for function in (build, needed):
        with pytest.raises(ValueError) as error:
            function(changed(projection, **{part: "nonesuch"}))
        assert f"config.{part} is 'nonesuch'; choose one of {known}" in str(error.value)


LANDMARKS = {"energy__edit_landmark": 1.0}
NO_RIG = "config.(rig is empty|energy.edit_landmark is set, but config.rig)"
NO_MOFA = "config.energy.edit_landmark is set, but config.mofa is empty"


@pytest.mark.parametrize(
    "config, message",
    [
        (changed(testing, generator=""), "config.generator is empty"),
        (changed(testing, stages=()), "config.stages is empty"),
        (
            changed(projection, perceptual=""),
            "config.energy.perceptual is set, but config.perceptual is empty",
        ),
        (
            changed(projection, recognition=""),
            "config.energy.recognition is set, but config.recognition is empty",
        ),
        (changed(testing, start="median"), "'median'; choose 'encoder' or 'mean'"),
        (
            changed(testing, start="encoder", generator="stylegan2"),
            "there is none for stylegan2; choose 'mean'",
        ),
        (
            compare(changed(testing, generator="stylegan2")),
            "was not measured for stylegan2; choose",
        ),
        (compare(changed(testing, **LANDMARKS)), "draw a v in each step"),
        (optimized_by(changed(testing), "sgd"), "optimizer is 'sgd'"),
        (sampled_by(changed(testing, **LANDMARKS), "bench"), r"stages\[1\].sampler is"),
        (changed(testing, energy__pixels=1.0), r"unknown energy terms \['pixels'\]"),
        *[
            (changed(testing, **LANDMARKS, **{name: value}), message)
            for name, value, message in [
                ("component", "identity", "is 'identity'; choose one of"),
                ("mofa", "nonesuch", "config.mofa is 'nonesuch'; choose one of"),
                ("rig", "nonesuch", "config.rig is 'nonesuch'; choose one of"),
                ("mofa", "", NO_MOFA),
                ("rig", "", NO_RIG),
                ("mofa", "deep3d", "sees faces of bfm_front, not of morphable"),
                ("face_model", "nonesuch", "face_model is 'nonesuch'; choose one of"),
            ]
        ],
    ],
)
def test_what_does_not_fit_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        build(config)


def test_a_choice_that_nothing_asks_for_is_not_looked_at_nor_that_of_ones_own():
    build(changed(testing, component="identity", mofa="nonesuch", rig="nonesuch"))
    own, _, _ = builders.small_stack()
    config = changed(testing, generator="nonesuch")
    assert assembly.functions(config, EMBED, {}, own=own).generator is own


@pytest.mark.parametrize(
    ("configuration", "stages"),
    [
        (projection, [("w", 40), ("w_plus", 180), ("generator", 80)]),
        (paper_schedule, [("w", 2000), ("w_plus", 1000)]),
    ],
)
def test_the_stages_are_those_of_the_configuration(configuration, stages):
    functions = build(configuration.get_config())
    assert [(s.space, s.num_steps) for s in functions.stages] == stages
    generator = functions.generator
    assert (generator.num_ws, generator.resolution) == (23, 1024)
    assert functions.stages[0].expand(jnp.zeros(512)).shape == (23, 512)


@pytest.mark.parametrize("module", [stylegan1, stylegan2])
def test_a_generator_is_as_large_as_its_parameters(module):
    config = changed(testing, generator=module.__name__.rpartition(".")[2])
    assert build(config).generator.resolution == 1024
    layout = jax.eval_shape(
        lambda key: module.init_params(key, (6, 5), mapping_layers=3), jax.random.key(0)
    )
    functions = build(config, params={"generator": layout})
    assert (functions.generator.num_ws, functions.generator.resolution) == (4, 8)
    assert functions.stages[0].expand(jnp.zeros(512)).shape == (4, 512)
    for params in ({}, {"mapping": {}, "synthesis": {}}, {"leaf": np.zeros(3)}):
        with pytest.raises(ValueError, match="parameters are not those of stylegan"):
            build(config, params={"generator": params})


def test_vgg_face_sees_its_own_part_and_rigs_belong_to_a_generator():
    config = changed(projection, recognition="vgg_face")
    assert needed(config)["recognition"] == "vgg_face"
    assert build(config).networks.crop is crops.vgg_face_patch
    assert build(changed(projection)).networks.crop is crops.dlib_chip

    config = changed(projection, generator="stylegan2", energy__rig_identity=1.0)
    assert needed(config)["rig_rotation"] == "rig_rotation_stylegan2"
    rigs = networks.rig(networks.RIGS["rignet"], config.generator, 18, "rotation")
    params = {"rig_rotation": builders.random_params(rigs.init)}
    build(config, params=params)
    with pytest.raises(ValueError, match="is for codes of 18 rows.*have 23"):
        build(changed(default), params=params)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_rig_is_that_of_the_component(component):
    config = changed(testing, energy__rig_identity=1.0, component=component)
    functions = build(config)
    assert set(functions.editor.rigs) == {component}
    rig = functions.editor.rigs[component]
    assert rig.component == component and functions.networks.rig is not None
    chosen = uses.choose(config, [f"rig_{component}"])[f"rig_{component}"]
    params = chosen.init(jax.random.key(0))
    assert params["mean"].shape == (SIZES[component],)
    w_plus = jnp.ones((2, functions.generator.num_ws, 512))
    own = neutral((2,))
    target = own.replace(**{component: getattr(own, component) + 1})
    edited = rig.edit(params, w_plus, own, target)
    assert edited.shape == w_plus.shape and bool(jnp.any(edited != w_plus))
    config.generator, config.rig = "mobile_stylegan_ffhq", "rignet"
    assert needed(config)[f"rig_{component}"] == f"rig_{component}"


def test_deep3d_gives_theta_of_its_face_model():
    config = changed(projection, mofa="deep3d", face_model="bfm_front")
    model = builders.toy_morphable()
    module = deep3d.Deep3D(1 / 16)
    network = builders.module_params(module, (1, 224, 224, 3))
    functions = build(config, FIT, {"mofa": network, "face_model": model})
    image = jnp.linspace(-1, 1, 256 * 256 * 3).reshape(1, 256, 256, 3)
    params = {"network": network, "face_model": model}
    found = functions.networks.estimate(params, image)
    seen = module.apply({"params": network}, image)
    chex.assert_trees_all_close(found, deep3d_face.theta(model, seen), rtol=1e-5)


def test_the_silhouette_is_a_linear_function_of_the_generators_features():
    rng = np.random.default_rng(0)
    params = {"kernel": rng.normal(size=6), "bias": np.asarray(0.5)}
    features = rng.normal(size=(2, 64, 64, 6)).astype(np.float32)
    network = networks.SILHOUETTE
    logits = network.build(*assembly.sizes(network, params))(params, features)
    np.testing.assert_allclose(logits, features @ params["kernel"] + 0.5, atol=1e-4)
    with pytest.raises(ValueError, match="not those of silhouette"):
        assembly.sizes(network, {})
