"""Candidates of the jaw's landmarks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import jaw
from scipy.spatial import KDTree

from pie_jax.core import rotations
from pie_jax.face import landmarks
from tests import builders
from tests.converters import face_files as files


@pytest.fixture(scope="module")
def head():
    """Vertices of an egg with a nose, and the jaw's, which ends on its sides."""
    vertices, _ = builders.toy_head(4)
    angles = np.linspace(np.pi, 2 * np.pi, 17)
    places = [0.75 * np.cos(angles), np.sin(angles), np.full(17, 0.1)]
    return vertices, KDTree(vertices).query(np.transpose(places))[1]


@pytest.fixture(scope="module")
def inner():
    return files.Head(subdivisions=4).landmarks[17:]


@pytest.fixture(scope="module")
def contour(head, inner):
    return jaw.candidates(*head, inner)


def test_the_frontal_vertex_comes_first_and_the_chin_stays(head, contour):
    assert contour.dtype == np.int32 and len(contour) == 17
    np.testing.assert_array_equal(contour[:, 0], head[1])
    assert np.all(contour[8] == head[1][8])


def test_candidates_keep_the_height_and_go_both_ways(head, contour):
    places = head[0][contour]
    front = places[:, :1]
    moved = places - front
    assert np.abs(moved[..., 1]).max() < 0.1
    for i in (1, 2, 14, 15):
        assert moved[i, :, 2].max() > 0.3 and moved[i, :, 2].min() < -0.05
        forward = moved[i, 1 : 1 + len(jaw.FORWARD), 0]
        assert np.all(forward * np.sign(front[i, 0, 0]) <= 0)


def test_landmarks_of_a_turned_head_move_to_its_outline(head, inner, contour):
    model = builders.toy_morphable(4).replace(
        contour=jnp.asarray(contour), inner=jnp.asarray(inner)
    )

    @jax.jit
    def seen(model, yaw):
        turn = rotations.matrix(jnp.stack([0.0, yaw, 0.0]))
        points = rotations.rotate(turn, model.mean)[:, :2] * jnp.array([1, -1])
        return landmarks.landmarks(model, points)

    fixed = model.replace(contour=model.contour[:, :1])
    np.testing.assert_allclose(seen(model, 0.0), seen(fixed, 0.0), atol=0.01)
    # The nose turns to the viewer's right: the outline on the left is behind the jaw.
    moved = np.asarray(seen(model, 1.2) - seen(fixed, 1.2))[:, 0]
    assert np.all(moved[1:4] < -0.05)
    mirrored = np.asarray(seen(model, -1.2) - seen(fixed, -1.2))[:, 0]
    assert np.all(mirrored[13:16] > 0.05)
