import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.interfaces import Rig
from pie_jax.editing import refine
from pie_jax.editing.sight import sight
from pie_jax.training import rignet_step
from pie_jax.training.rignet_step import RigBatch, RigGiven, rig_objective
from tests import builders
from tests.builders import random_theta
from tests.checks import assert_gradient
from tests.editing.refine_test import toy_looks
from tests.energy.people_test import toy_landmarks

COMPONENT = "rotation"


@pytest.fixture(scope="module", autouse=True)
def in_double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def world():
    """What looks at codes, and what is given."""
    generator, networks, params = builders.small_stack()
    looks = toy_looks(generator, networks)
    params = params.replace(landmark_net=jnp.asarray(0.05))
    given = RigGiven(params, {"mean": jnp.zeros(3), "deviation": jnp.ones(3)})
    return looks, given


see = sight(builders.toy_estimate, toy_landmarks)


def heads(params, w_plus):
    """The upper half."""
    return jnp.zeros((len(w_plus), 32, 32)).at[:, :16].set(1)


def turns(scale, code, target):
    """A rig that is not the same for all codes, and moves where nothing is asked for."""
    moved = jnp.zeros_like(code).at[..., :3].set(scale * target[:, None])
    return (1 + moved) * (1 + jnp.tanh(code)) * scale


def batch(strength):
    rng = np.random.default_rng(1)
    code = jnp.asarray(
        0.3 * rng.normal(size=(2, builders.small_stack()[0].num_ws, 512))
    )
    return RigBatch(code, strength * random_theta(2, seed=2).rotation)


def losses(world, offset, params, edits):
    """Of the rig that adds differences of `(network, code, target) -> offset`."""

    def edit(whole, code, own, target):
        assert whole.keys() == {"network", "mean", "deviation"}
        to, of = (offset(whole["network"], code, x.rotation) for x in (target, own))
        return code + to - of

    looks, given = world
    objective = rig_objective(Rig(edit, COMPONENT), looks, see, heads)
    return objective(params, given, jax.random.key(0), edits)


def test_what_is_there_already_is_no_edit(world):
    loss, terms = losses(world, turns, 0.2, batch(0.0))
    assert terms.keys() == {*refine.NOTICED, "back"}
    for name in ("near", "back", "aside", "rotation", "expression", "person"):
        np.testing.assert_allclose(terms[name], 0, atol=1e-9)
    np.testing.assert_allclose(loss, sum(terms.values()))


@pytest.mark.parametrize("more", [1.0, 2.0])
def test_a_rig_that_does_nothing_misses_what_is_asked_for_and_keeps_the_rest(
    world, more, monkeypatch
):
    sooner = {"rotation": refine.NOTICED["rotation"] / more}
    monkeypatch.setitem(rignet_step.OTHERWISE, COMPONENT, sooner)
    edits = batch(0.7)
    _, terms = losses(world, lambda params, code, _: 0 * code, None, edits)
    for name in ("near", "back", "aside", "expression", "person"):
        np.testing.assert_allclose(terms[name], 0, atol=1e-9)
    looks, given = world
    own, _ = rignet_step.before(looks, see, given.params, edits.code)
    target = rignet_step.changed(own.theta, edits.change, COMPONENT)
    off = (own.theta.rotation - target.rotation)[:, :2]
    squares = jnp.sum(off**2, axis=1) / refine.NOTICED["rotation"] ** 2
    expected = jnp.mean(jnp.sqrt(1 + more**2 * squares) - 1)
    np.testing.assert_allclose(terms["rotation"], expected, rtol=1e-6)


def test_an_edit_is_as_long_as_an_editor_s_and_is_to_lead_back(world):
    looks, given = world
    edits = batch(0.7)
    own, _ = rignet_step.before(looks, see, given.params, edits.code)
    target = rignet_step.changed(own.theta, edits.change, COMPONENT)
    to, of = (turns(0.2, edits.code, x.rotation) for x in (target, own.theta))
    _, terms = losses(world, turns, 0.2, edits)
    length = jnp.mean((to - of) ** 2, axis=(1, 2)) / refine.NOTICED["near"] ** 2
    expected = jnp.mean(jnp.sqrt(1 + length) - 1)
    np.testing.assert_allclose(terms["near"], expected, rtol=1e-9)
    assert terms["back"] > 0
    always = lambda params, code, target: 0 * code + params * target[:, None, :1]
    assert losses(world, always, 0.2, edits)[1]["back"] < 1e-12


def test_only_what_is_edited_changes():
    theta = random_theta(2, seed=1)
    found = rignet_step.changed(theta, jnp.full((2, 27), 0.5), "illumination")
    chex.assert_trees_all_close(found.illumination, theta.illumination + 0.5)
    chex.assert_trees_all_equal(found.replace(illumination=theta.illumination), theta)


def test_its_gradient_agrees_with_finite_differences(world):
    edits = batch(0.8)

    def loss(scale):
        terms = losses(world, turns, scale, edits)[1]
        # The others have parts of which no gradient is taken (`editing.refine`).
        return sum(terms[x] for x in ("near", "back", "rotation", "expression"))

    assert_gradient(loss, 0.3, rtol=1e-4)
