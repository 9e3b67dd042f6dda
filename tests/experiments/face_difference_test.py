"""What an edit asks for, and how far a face is from it."""

import chex
import jax
import jax.numpy as jnp

from experiments import face_difference
from pie_jax.core import theta as parameters
from tests import builders
from tests.builders import random_theta


def test_all_but_the_component_is_the_portrait_s_and_a_head_that_turns_may_move():
    theta, target, found = (random_theta(2, seed=seed) for seed in (1, 2, 3))
    for component in parameters.COMPONENTS:
        asked = face_difference.wanted(theta, target, found, component)
        place = found if component == "rotation" else theta
        chex.assert_trees_all_equal(asked.translation, place.translation)
        own, its = (getattr(x, component) for x in (asked, target))
        chex.assert_trees_all_equal(own, its)
        chex.assert_trees_all_equal(asked.identity, theta.identity)


def test_the_difference_has_its_units():
    theta = random_theta(2, seed=1)
    geometry, colour = jax.jit(face_difference.difference)(
        builders.toy_morphable(), theta, theta
    )
    chex.assert_trees_all_close((geometry, colour), (jnp.zeros(2),) * 2, atol=1e-6)
    brighter = theta.replace(illumination=1.5 * theta.illumination)
    geometry, colour = jax.jit(face_difference.difference)(
        builders.toy_morphable(), brighter, theta
    )
    chex.assert_trees_all_close(geometry, jnp.zeros(2), atol=1e-6)
    assert (colour > 0.05).all() and (colour < 1.5).all()
