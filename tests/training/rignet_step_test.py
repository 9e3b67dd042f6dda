import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as parameters
from pie_jax.training import rignet_step
from pie_jax.training.rignet_step import RigWeights, rig_objective
from tests import builders
from tests.builders import random_theta
from tests.checks import assert_gradient, double

MODEL = builders.toy_morphable()
SIZE = parameters.to_vector(parameters.neutral()).shape[-1]
WEIGHTS = RigWeights(
    geometry=3.0, colour=2.0, person=1.0, length=0.0, own=0.5, back=0.25
)


def observe(params, code, chip_matrix):
    """The face is the code's first row; the person its second."""
    return parameters.from_vector(code[:, 0, :SIZE]), code[:, 1, :4]


def codes(theta, seed=0):
    code = jax.random.normal(jax.random.key(seed), (len(theta.rotation), 3, 512))
    return code.at[:, 0, :SIZE].set(parameters.to_vector(theta))


def perfect(component):
    """The rig that sets the component, in the row where it stands."""
    names = list(parameters.SIZES)
    start = sum(parameters.SIZES[x] for x in names[: names.index(component)])
    stop = start + parameters.SIZES[component]

    def apply(params, code, target):
        own = code[:, 0, start:stop]
        return jnp.zeros_like(code).at[:, 0, start:stop].set(target - own)

    return apply


def given(component):
    size = parameters.SIZES[component]
    return rignet_step.RigGiven((), MODEL, jnp.zeros(size), jnp.ones(size), WEIGHTS)


def batch(strength):
    theta, other = random_theta(2, seed=1), random_theta(2, seed=2)
    return rignet_step.RigBatch(
        codes(theta), jnp.zeros((2, 2, 3)), other, jnp.full(2, jnp.float32(strength))
    )


@pytest.mark.parametrize("component", parameters.COMPONENTS)
def test_the_perfect_rig_misses_nothing(component):
    objective = jax.jit(rig_objective(perfect(component), observe, component))
    loss, terms = objective({}, given(component), jax.random.key(0), batch(0.7))
    assert terms.keys() == {field.name for field in dataclasses.fields(RigWeights)}
    assert terms.pop("length") > 0
    chex.assert_trees_all_close(terms, dict.fromkeys(terms, 0.0), atol=2e-3)
    assert loss < 0.01


def test_the_strength_goes_beyond_the_others_and_only_a_head_that_turns_may_move():
    theta, other = random_theta(2, seed=1), random_theta(2, seed=2)
    strength = jnp.array([0.0, 1.5])
    found = rignet_step.towards(theta, other, strength, "illumination")
    own, its = theta.illumination, other.illumination
    chex.assert_trees_all_close(found.illumination[0], own[0])
    beyond = 1.5 * its[1] - 0.5 * own[1]
    chex.assert_trees_all_close(found.illumination[1], beyond, atol=1e-6)
    chex.assert_trees_all_equal(found.replace(illumination=own), theta)

    theta, target, found = (random_theta(2, seed=seed) for seed in (1, 2, 3))
    for component in parameters.COMPONENTS:
        asked = rignet_step.wanted(theta, target, found, component)
        place = found if component == "rotation" else theta
        chex.assert_trees_all_equal(asked.translation, place.translation)
        own, its = (getattr(x, component) for x in (asked, target))
        chex.assert_trees_all_equal(own, its)
        chex.assert_trees_all_equal(asked.identity, theta.identity)


def test_the_difference_has_its_units_and_a_rig_that_does_nothing_keeps_the_rest():
    theta = random_theta(2, seed=1)
    geometry, colour = jax.jit(rignet_step.difference)(MODEL, theta, theta)
    chex.assert_trees_all_close((geometry, colour), (jnp.zeros(2),) * 2, atol=1e-6)
    brighter = theta.replace(illumination=1.5 * theta.illumination)
    geometry, colour = jax.jit(rignet_step.difference)(MODEL, brighter, theta)
    chex.assert_trees_all_close(geometry, jnp.zeros(2), atol=1e-6)
    assert (colour > 0.05).all() and (colour < 1.5).all()

    objective = jax.jit(
        rig_objective(lambda params, code, _: 0 * code, observe, "expression")
    )
    loss, terms = objective({}, given("expression"), jax.random.key(0), batch(1.0))
    assert terms["geometry"] > 0.01
    for name in ("person", "length", "own", "back"):
        assert terms[name] == 0
    weighted = sum(getattr(WEIGHTS, name) * x for name, x in terms.items())
    np.testing.assert_allclose(loss, weighted, rtol=1e-5)


def test_its_gradient_agrees_with_finite_differences():
    component = "expression"
    size = parameters.SIZES[component]
    fixed, chosen = given(component), batch(0.8)

    def apply(scale, code, target):
        moved = jnp.zeros_like(code).at[:, 0, :size].set(scale * target)
        return moved.at[:, 0, 150 : 150 + size].add(scale**2 * target)

    def loss(scale):
        objective = rig_objective(apply, observe, component)
        return objective(scale, double(fixed), jax.random.key(0), double(chosen))[0]

    assert_gradient(loss, 0.3, rtol=1e-4)
