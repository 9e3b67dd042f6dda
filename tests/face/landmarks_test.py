import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.face import landmarks
from tests import builders

LEVELS = np.linspace(0.6, -0.9, 9)


@pytest.fixture(scope="module")
def head():
    """A ball whose jaw landmarks go along level lines from the front to the ears.

    The first candidate of each is on the outline that is seen from the front.
    """
    around = np.radians([90, *np.linspace(20, 80, 9), 95, 100, 110])
    rows = []
    for side, levels in ((-1, LEVELS[:8]), (1, LEVELS[::-1])):
        for y in levels:
            r = np.sqrt(1 - y**2)
            x, z = side * r * np.sin(around), r * np.cos(around)
            rows.append(np.stack([x, np.full(13, y), z], axis=1))
    inner = np.random.default_rng(0).normal(0, 0.1, (51, 3)) + [0, 0, 1]
    mean = np.concatenate([*rows, inner])
    model = builders.toy_morphable(0).replace(
        mean=jnp.asarray(mean, jnp.float32),
        contour=jnp.arange(17 * 13).reshape(17, 13),
        inner=17 * 13 + jnp.arange(51),
    )
    return model


def seen(model, yaw=0.0, roll=0.0):
    """Parallel projection of the head turned by degrees: x right, y down."""
    yaw, roll = np.radians([yaw, roll])
    about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    turned = model.mean @ jnp.asarray(about_y, jnp.float32).T
    spin = [[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]]
    return turned[:, :2] @ jnp.asarray(spin, jnp.float32).T * jnp.array([1, -1])


@pytest.mark.parametrize("yaw", [-40, -20, 0, 20, 40])
def test_the_far_side_of_the_jaw_is_the_outline(head, yaw):
    points = seen(head, yaw)
    jaw = landmarks.landmarks(head, points)[:17]
    candidates = points[head.contour]
    # The candidates reach the outline of the side that turns away, and of both in the
    # frontal view. (Near the chin these level lines run along the outline.)
    left, right = range(6), range(11, 17)
    for i in left if yaw < 0 else right if yaw > 0 else [*left, *right]:
        outermost = jnp.abs(candidates[i, :, 0]).max()
        assert jnp.abs(jaw[i, 0]) > 0.99 * outermost


def test_the_landmarks_follow_the_view_as_chosen_vertices_in_batches(head):
    front = landmarks.vertex_ids(head, seen(head))
    turned = landmarks.vertex_ids(head, seen(head, yaw=40))
    np.testing.assert_array_equal(front[:17], head.contour[:, 0])
    # The side that turns away shows its outline further in front.
    assert np.all(head.mean[turned[9:16], 2] > head.mean[front[9:16], 2])
    np.testing.assert_array_equal(turned[17:], front[17:])
    # Candidates straight below the frontal one are hardly further out.
    points = seen(head)
    lower = points[head.contour[3, 0]] + jnp.array([-0.02, 0.2])
    slid = points.at[head.contour[3, 5]].set(lower)
    assert landmarks.vertex_ids(head, slid)[3] == head.contour[3, 0]

    points = jnp.stack([seen(head, yaw) for yaw in (-30, 0, 30)])
    found = jax.jit(landmarks.landmarks)(head, points)
    ids = landmarks.vertex_ids(head, points)
    assert found.shape == (3, 68, 2) and ids.shape == (3, 68)
    for row, points_of_one, ids_of_one in zip(found, points, ids, strict=True):
        np.testing.assert_array_equal(row, points_of_one[ids_of_one])
    points = seen(head, 20)
    ids = landmarks.vertex_ids(head, points)
    gradient = jax.grad(lambda p: jnp.sum(landmarks.landmarks(head, p)))(points)
    counts = np.bincount(ids, minlength=len(points))
    np.testing.assert_array_equal(gradient, np.stack([counts, counts], axis=1))


@pytest.mark.parametrize("roll", [-90, 30, 180])
def test_a_turned_picture_has_the_same_landmarks(head, roll):
    upright = landmarks.vertex_ids(head, seen(head, yaw=25))
    rolled = landmarks.vertex_ids(head, seen(head, yaw=25, roll=roll))
    np.testing.assert_array_equal(upright, rolled)
