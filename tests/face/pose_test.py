import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.face import pose
from tests import builders
from tests.builders import VERTICES, random_theta

MODEL = builders.toy_morphable()
ROTATIONS = np.float32([[0.1, 0.4, -0.2], [0, -0.3, 0], [-0.3, 0.05, 0.1]])


THETA = random_theta(len(ROTATIONS)).replace(rotation=jnp.asarray(ROTATIONS))
LANDMARKS = VERTICES(MODEL, THETA, 1).landmarks
SOLVE = jax.jit(pose.solve)


def moved(theta, spread=0.2, seed=0):
    """Where a search may begin that does not know."""
    shift = np.random.default_rng(seed).normal(0, spread, (2, *theta.rotation.shape))
    rotation, translation = jnp.asarray(shift, jnp.float32)
    return theta.replace(
        rotation=theta.rotation + rotation, translation=theta.translation + translation
    )


def test_the_pose_of_rendered_faces_is_found_from_points_of_the_head_alone():
    begun = moved(THETA)
    found = SOLVE(MODEL, begun, LANDMARKS)
    chex.assert_trees_all_close(found, THETA, atol=2e-3)
    same = begun.replace(rotation=found.rotation, translation=found.translation)
    chex.assert_trees_all_equal(found, same)

    moving = jnp.array([*range(17), 37, 41, 51, 57, 60, 64, 66])
    changed = LANDMARKS.at[:, moving].add(0.1)
    found = [SOLVE(MODEL, THETA, x) for x in (LANDMARKS, changed)]
    chex.assert_trees_all_equal(*found)
    found = SOLVE(MODEL, THETA, LANDMARKS.at[1].set(jnp.nan))
    second = (jax.tree.map(lambda x: x[1], y) for y in (found, THETA))
    chex.assert_trees_all_equal(*second)
    assert np.isfinite(found.rotation).all()


def test_opencv_finds_the_same_among_errors():
    pytest.importorskip("cv2")
    from experiments import pnp

    noise = np.random.default_rng(1).normal(0, 4e-3, LANDMARKS.shape)
    wrong = np.float32(LANDMARKS + noise)
    found = SOLVE(MODEL, moved(THETA), jnp.asarray(wrong)).rotation
    np.testing.assert_allclose(found, pnp.solve(MODEL, wrong, THETA), atol=2e-3)
    assert np.abs(found - ROTATIONS).max() > 5e-3


def test_a_search_that_ends_further_away_changes_nothing():
    def distance(theta):
        apart = VERTICES(MODEL, theta, 1).landmarks - LANDMARKS
        return np.sum(np.asarray(apart)[:, np.array(pose.POINTS)] ** 2, axis=(1, 2))

    stayed = 0
    for seed in range(10):
        begun = moved(THETA, 2.0, seed)  # far beyond what the search can bridge
        found = SOLVE(MODEL, begun, LANDMARKS)
        still = np.all(found.rotation == begun.rotation, axis=1)
        assert np.all(still | (distance(found) < distance(begun)))
        stayed += still.sum()
    assert stayed > 0
