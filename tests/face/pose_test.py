"""Poses from landmarks: those that they were made with, and OpenCV's."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.face import pose
from pie_jax.face.render import render_vertices
from tests import builders
from tests.training.reconstruction_test import random_theta

MODEL = builders.toy_morphable()
ROTATIONS = np.float32([[0.1, 0.4, -0.2], [0, -0.3, 0], [-0.3, 0.05, 0.1]])


def posed():
    """Faces, and their landmarks."""
    theta = random_theta(len(ROTATIONS)).replace(rotation=jnp.asarray(ROTATIONS))
    render = jax.jit(render_vertices, static_argnums=2)
    return theta, render(MODEL, theta, 1).landmarks


def moved(theta):
    """Where a search may begin that does not know."""
    shift = np.random.default_rng(0).normal(0, 0.2, (2, *theta.rotation.shape))
    rotation, translation = jnp.asarray(shift, jnp.float32)
    return theta.replace(
        rotation=theta.rotation + rotation, translation=theta.translation + translation
    )


def test_the_pose_of_rendered_faces_is_found():
    theta, landmarks = posed()
    found = jax.jit(pose.solve)(MODEL, moved(theta), landmarks)
    chex.assert_trees_all_close(found, theta, atol=2e-3)


def test_opencv_finds_the_same_among_errors():
    pytest.importorskip("cv2")
    from experiments import pnp

    theta, landmarks = posed()
    noise = np.random.default_rng(1).normal(0, 4e-3, landmarks.shape)
    wrong = np.float32(landmarks + noise)
    found = pose.solve(MODEL, moved(theta), jnp.asarray(wrong)).rotation
    np.testing.assert_allclose(found, pnp.solve(MODEL, wrong, theta), atol=2e-3)
    assert np.abs(found - ROTATIONS).max() > 5e-3


def test_only_the_pose_changes():
    theta, landmarks = posed()
    found = pose.solve(MODEL, moved(theta), landmarks)
    same = theta.replace(rotation=found.rotation, translation=found.translation)
    chex.assert_trees_all_equal(found, same)


def test_landmarks_that_are_no_points_of_the_head_do_not_count():
    theta, landmarks = posed()
    moving = jnp.array([*range(17), 37, 41, 51, 57, 60, 64, 66])
    found = [
        pose.solve(MODEL, theta, x)
        for x in (landmarks, landmarks.at[:, moving].add(0.1))
    ]
    chex.assert_trees_all_equal(*found)


def test_a_search_that_ends_further_away_changes_nothing(monkeypatch):
    theta, landmarks = posed()
    begun = moved(theta)
    monkeypatch.setattr(pose, "_step", lambda slope, value: jnp.full(6, 0.5))
    chex.assert_trees_all_equal(pose.solve(MODEL, begun, landmarks), begun)


def test_landmarks_that_are_no_numbers_change_nothing():
    theta, landmarks = posed()
    found = pose.solve(MODEL, theta, landmarks.at[1].set(jnp.nan))
    second = (jax.tree.map(lambda x: x[1], y) for y in (found, theta))
    chex.assert_trees_all_equal(*second)
    assert np.isfinite(found.rotation).all()
