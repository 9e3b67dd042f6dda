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
POSES = np.array([[0, 0, 0], [0.3, 0, 0], [0, -0.5, 0], [0.1, 0.4, -0.2]])


def seen(heads):
    """Landmarks of heads in these poses, anywhere before the camera."""
    shift = np.random.default_rng(0).normal(0, 0.1, POSES.shape)
    theta = heads.replace(
        rotation=jnp.asarray(POSES, jnp.float32),
        translation=jnp.asarray(shift, jnp.float32),
    )
    return np.array(
        jax.jit(render_vertices, static_argnums=2)(MODEL, theta, 1).landmarks
    )


def test_the_poses_of_heads_are_found_without_jaw_lids_and_lips():
    own = random_theta(4)
    found = pnp.solve(MODEL, seen(own), own)
    np.testing.assert_allclose(found, POSES, atol=2e-3)
    assert np.abs(pnp.solve(MODEL, seen(own)) - POSES).max() > 0.02

    landmarks = seen(parameters.neutral((4,)))
    expected = pnp.solve(MODEL, landmarks)
    np.testing.assert_allclose(expected, POSES, atol=2e-3)
    moving = [*range(17), *ibug.INNER_MOUTH_CORNERS, 37, 41, 51, 57, 66]
    landmarks[:, moving] += 0.1
    np.testing.assert_array_equal(pnp.solve(MODEL, landmarks), expected)
