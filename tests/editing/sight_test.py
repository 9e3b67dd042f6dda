"""An editor sees MoFA's face, turned as the landmarks are."""

import chex
import jax
import jax.numpy as jnp

from pie_jax.core import ibug
from pie_jax.editing.sight import sight
from pie_jax.face.render import render_vertices
from tests import builders
from tests.training.reconstruction_test import random_theta

MODEL = builders.toy_morphable()


def test_the_rotation_is_that_of_the_landmarks_and_all_else_is_mofas():
    truth = random_theta(2, seed=5)
    estimated = truth.replace(
        rotation=0.8 * truth.rotation, translation=truth.translation + 0.05
    )
    shown = jax.jit(render_vertices, static_argnums=2)(MODEL, truth, 1).landmarks
    see = sight(
        lambda params, image: jax.tree.map(lambda x: x + params, estimated),
        lambda params, image: jnp.concatenate([shown, ibug.mirror(shown)]) + params,
    )
    params = {"mofa": 0.0, "landmark_net": 0.0, "face_model": MODEL}
    found = jax.jit(see)(params, jnp.zeros((2, 8, 8, 3)))
    expected = truth.replace(translation=truth.translation + 0.05)
    chex.assert_trees_all_close(found, expected, atol=2e-3)
    # Both networks are given their own parameters.
    brighter = see(params | {"mofa": 0.1}, jnp.zeros((2, 8, 8, 3)))
    chex.assert_trees_all_close(brighter.reflectance, truth.reflectance + 0.1)
    tilt = jnp.stack([jnp.zeros(68), jnp.linspace(0, 0.3, 68)], axis=-1)
    tilted = see(params | {"landmark_net": tilt}, jnp.zeros((2, 8, 8, 3)))
    assert (jnp.abs(tilted.rotation - truth.rotation).max(axis=-1) > 0.01).all()
