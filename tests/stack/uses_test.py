import pytest

from pie_jax.configs import default, projection, testing
from pie_jax.stack import registry, uses
from pie_jax.stack.uses import EMBED, FIT, SYNTHESIZE, Use

PARTS = {"generator", "perceptual", "recognition"}
EDITING = {"mofa", "rig_rotation", "face_model", "landmark_net"}


def changed(module, **values):
    """A configuration with other values; `a__b` is `a.b`."""
    config = module.get_config()
    for name, value in values.items():
        section, _, inner = name.rpartition("__")
        setattr(config[section] if section else config, inner, value)
    return config


def compare(config):
    """Has the last stage compare energies, in coordinates of their curvature."""
    config.stages[1].optimizer, config.stages[1].schedule = "quasi_newton", "adaptive"
    config.stages[1].coordinates = "curvature"
    return config


def needed(config, use=EMBED):
    chosen = uses.choose(config, uses.needs(config, use))
    return {part: network.weights for part, network in chosen.items()}


@pytest.mark.parametrize(
    "config, use, parts",
    [
        (changed(projection), EMBED, PARTS),
        (changed(projection), SYNTHESIZE, {"generator"}),
        (changed(projection), FIT, {"mofa", "landmark_net", "face_model"}),
        (
            changed(projection),
            Use(edit=("expression",)),
            {"rig_expression", "silhouette"},
        ),
        (changed(testing), Use(edit=("rotation",)), {"rig_rotation"}),
        (
            changed(testing, mofa="", recognition=""),
            uses.edit(),
            {"generator", "landmark_net", "face_model"},
        ),
        (changed(projection, start="encoder"), EMBED, {*PARTS, "encoder"}),
        (compare(changed(projection)), EMBED, {*PARTS, "curvature"}),
        (changed(default), EMBED, {*PARTS, *EDITING, "encoder", "curvature", "to_rgb"}),
        # It looks at no other face.
        (
            changed(projection, energy__rig_identity=1.0),
            EMBED,
            {*PARTS, "mofa", "rig_rotation"},
        ),
        # It edits no face.
        (
            changed(projection, energy__locality=1.0),
            EMBED,
            {*PARTS, "mofa", "face_model", "landmark_net", "to_rgb"},
        ),
        (
            changed(projection, perceptual="", energy__perceptual=0.0),
            EMBED,
            PARTS - {"perceptual"},
        ),
        (
            changed(projection, recognition="", energy__recognition=0.0),
            EMBED,
            PARTS - {"recognition"},
        ),
    ],
)
def test_a_part_is_needed_only_where_something_asks_for_it(config, use, parts):
    assert set(uses.needs(config, use)) == parts
    names = {name for name in needed(config, use).values() if name}
    assert names <= {*registry.CARRIED, *registry.CONVERTIBLE, *registry.INSTALLED}


def online(module):
    config = changed(module)
    for stage in config.stages:
        stage.sampler = "online"
    return config


def test_a_bank_and_landmarks_are_needed_only_by_terms_that_ask_for_them():
    assert uses.needs_bank(default.get_config(), EMBED)
    for config, use in [
        (online(default), EMBED),
        (changed(default), SYNTHESIZE),
        (changed(projection), EMBED),
    ]:
        assert not uses.needs_bank(config, use)
