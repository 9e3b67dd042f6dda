import shutil

import numpy as np
import pytest

from pie_jax.core.theta import COMPONENTS
from pie_jax.editing import turns
from pie_jax.io import own_rigs
from pie_jax.stack import configuration, uses
from pie_jax.stack.load import load
from pie_jax.workflows import editable, own_rig, requests
from pie_jax.workflows import shoot as shooting
from pie_jax.workflows.shoot import Options
from tests import builders


@pytest.fixture
def config(installed):
    return configuration.load("testing")


def opened(folder, config):
    return editable.open_portrait(folder, config, COMPONENTS, refine=True)


def test_turns_by_the_rig_alone_become_the_refined_ones_and_are_kept(anna, config):
    stack = load(config, uses.edit("rotation"))
    before = opened(anna, config)
    assert "own" not in before.params.rigs["rotation"]
    assert own_rig.make_all([anna], stack, config) == {}
    after = opened(anna, config)
    own = after.params.rigs["rotation"]["own"]
    assert len(own["towards"]) == len(own_rig.TURNS)

    asked = requests.request({"yaw": "+=20"}, None, None, {})
    target = before.target(asked)
    rig = shooting.answer(before, asked, target, Options())
    refined = shooting.refined(before, asked, target, rig, Options(refine=24))
    alone = shooting.answer(after, asked, target, Options(feedback=0))
    missing = [np.abs(x.w_plus - refined.w_plus).max() for x in (rig, alone)]
    assert missing[1] < 2e-3 < 0.1 * missing[0]

    half = requests.request({"yaw": "+=10"}, None, None, {})
    codes = [
        shooting.answer(x, half, x.target(half), Options(feedback=0)).w_plus
        for x in (before, after)
    ]
    np.testing.assert_allclose(codes[1] - codes[0], own["added"][1:2] / 2, atol=2e-3)

    kept = (anna / own_rigs.FILE).stat().st_mtime_ns
    assert own_rig.make_all([anna], stack, config) == {}
    assert (anna / own_rigs.FILE).stat().st_mtime_ns == kept


def test_another_code_s_is_made_anew(anna, config, tmp_path):
    stack = load(config, uses.edit("rotation"))
    other = shutil.copytree(anna, tmp_path / "other")
    own_rigs.write(
        other, {"towards": np.ones((1, 3)), "added": np.ones((1, 4, 512))}, "?"
    )
    assert "own" not in opened(other, config).params.rigs["rotation"]
    gone = (
        tmp_path / "gone"
    )  # what is wrong with one keeps no other from having its own
    assert own_rig.make_all([gone, other], stack, config).keys() == {gone}
    assert "own" in opened(other, config).params.rigs["rotation"]


@pytest.mark.usefixtures("installed")
def test_an_embedding_that_is_to_be_edited_makes_it_and_one_that_is_done(tmp_path):
    photo = builders.square_photo(tmp_path / "anna.png")
    embed = ("embed", photo, *builders.TRIAL, "--out")
    assert builders.pie(*embed, tmp_path / "plain") == 0
    assert not (tmp_path / "plain" / "anna" / own_rigs.FILE).exists()

    words = (*embed, tmp_path / "out", "--config.energy.edit_landmark=1e-9")
    assert builders.pie(*words) == 0
    file = tmp_path / "out" / "anna" / own_rigs.FILE
    made = file.read_bytes()
    file.unlink()
    assert builders.pie(*words) == 0
    assert file.read_bytes() == made


def test_what_a_rig_was_trained_on_is_a_turn_as_others_see_it(anna, config):
    portrait = opened(anna, config)
    rig, own = portrait.params.rigs["rotation"], portrait.before.theta.rotation[0]
    others = np.array([turns.SHARE, turns.SHARE, 1])
    for end, seen in zip(("low", "high"), portrait.trained("rotation"), strict=True):
        np.testing.assert_allclose(seen, own + others * (rig[end] - own), atol=1e-6)
    rig = portrait.params.rigs["expression"]
    for end, seen in zip(("low", "high"), portrait.trained("expression"), strict=True):
        np.testing.assert_array_equal(seen, rig[end])
