"""Poses by PnP: those that landmarks were made with come back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import pnp
from pie_jax.core import ibug
from pie_jax.core import theta as parameters
from pie_jax.face.render import render_vertices
from tests import builders
from tests.training.reconstruction_test import random_theta

pytest.importorskip("cv2")

MODEL = builders.toy_morphable()


def posed(rotations, heads=None):
    """Heads, or the mean one, in these poses `[S, 3]`, anywhere before the camera."""
    rotations = jnp.asarray(rotations, jnp.float32)
    count = len(rotations)
    shift = np.random.default_rng(0).normal(0, 0.1, (count, 3))
    theta = (heads or parameters.neutral((count,))).replace(
        rotation=rotations, translation=jnp.asarray(shift, jnp.float32)
    )
    return jax.jit(render_vertices, static_argnums=2)(MODEL, theta, 1)


def test_the_poses_of_the_mean_face_are_found():
    rotations = np.array([[0, 0, 0], [0.3, 0, 0], [0, -0.5, 0], [0.1, 0.4, -0.2]])
    found = pnp.solve(MODEL, posed(rotations).landmarks)
    np.testing.assert_allclose(found, rotations, atol=2e-3)


def test_the_poses_of_peoples_own_heads_are_found():
    own = random_theta(2)
    rotations = np.array([[0.1, 0.4, -0.2], [0, -0.3, 0]])
    landmarks = posed(rotations, own).landmarks
    found = pnp.solve(MODEL, landmarks, own)
    np.testing.assert_allclose(found, rotations, atol=2e-3)
    assert np.abs(pnp.solve(MODEL, landmarks) - rotations).max() > 0.02


def test_moved_landmarks_of_jaw_lids_and_lips_are_not_looked_at():
    landmarks = np.array(posed([[0.1, 0.2, 0.0]]).landmarks)
    expected = pnp.solve(MODEL, landmarks)
    moving = [*range(17), *ibug.INNER_MOUTH_CORNERS, 37, 41, 51, 57, 66]
    landmarks[:, moving] += 0.1
    np.testing.assert_array_equal(pnp.solve(MODEL, landmarks), expected)
