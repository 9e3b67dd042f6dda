"""MoFA corrected: its pose goes towards the landmarks', its colours to the picture's."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import ibug
from pie_jax.face import appearance
from pie_jax.face.correction import SHARE, corrected
from pie_jax.face.render import render_image, render_vertices
from tests import builders
from tests.training.reconstruction_test import random_theta

MODEL = builders.toy_morphable()
COUNT = 2


def scene():
    """Faces, an estimate that misses their pose, their landmarks and pictures."""
    truth = random_theta(COUNT, seed=5)
    estimated = truth.replace(
        rotation=0.8 * truth.rotation, translation=truth.translation + 0.05
    )
    shown = jax.jit(render_vertices, static_argnums=2)(MODEL, truth, 1).landmarks
    image, _ = jax.jit(render_image, static_argnums=2)(MODEL, truth, appearance.SIZE)
    return truth, estimated, shown, 2 * image - 1


def estimators(estimated, shown):
    """Networks that know what they see; their parameters are added to it."""
    both = jnp.concatenate([shown, ibug.mirror(shown)])
    return (
        lambda params, image: jax.tree.map(lambda x: x + params, estimated),
        lambda params, image: both + params,
    )


def test_the_pose_goes_a_share_of_the_way_to_the_landmarks():
    truth, estimated, shown, image = scene()
    whole = jax.jit(corrected(*estimators(estimated, shown)))
    params = {"mofa": 0.0, "landmark_net": 0.0, "face_model": MODEL}
    found = whole(params, image)
    for part in ("rotation", "translation"):
        there, seen = getattr(truth, part), getattr(estimated, part)
        expected = seen + SHARE * (there - seen)
        np.testing.assert_allclose(getattr(found, part), expected, atol=2e-3)
    chex.assert_trees_all_equal(found.identity, estimated.identity)
    chex.assert_trees_all_equal(found.expression, estimated.expression)


def test_colours_are_solved_for_in_the_corrected_pose():
    _, estimated, shown, image = scene()
    whole = jax.jit(corrected(*estimators(estimated, shown)))
    params = {"mofa": 0.0, "landmark_net": 0.0, "face_model": MODEL}
    found = whole(params, image)
    posed = found.replace(
        reflectance=estimated.reflectance, illumination=estimated.illumination
    )
    expected = jax.jit(appearance.solve)(MODEL, posed, image)
    chex.assert_trees_all_close(found, expected, atol=1e-4)


def test_both_networks_are_given_their_own_parameters():
    _, estimated, shown, image = scene()
    whole = jax.jit(corrected(*estimators(estimated, shown)))
    params = {"mofa": 0.0, "landmark_net": 0.0, "face_model": MODEL}
    found = whole(params, image)
    other = whole(params | {"mofa": 0.1}, image)
    np.testing.assert_allclose(other.identity, found.identity + 0.1, atol=1e-6)
    tilt = jnp.stack([jnp.zeros(68), jnp.linspace(0, 0.3, 68)], axis=-1)
    tilted = whole(params | {"landmark_net": tilt}, image)
    assert (jnp.abs(tilted.rotation - found.rotation).max(axis=-1) > 0.003).all()
