"""Refinement: it goes back to the face that made a picture."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import theta as parameters
from pie_jax.training.mofa_step import WEIGHTS
from pie_jax.training.reconstruction import errors, total
from pie_jax.training.refine import refine
from tests import builders
from tests.builders import random_theta
from tests.training.reconstruction_test import scene


def test_no_step_changes_nothing():
    model, theta, image, landmarks = scene()
    found, trace = refine(model, theta, image, landmarks, num_steps=0)
    chex.assert_trees_all_equal(found, theta)
    chex.assert_tree_shape_prefix(trace, (0, 2))


def test_the_loss_falls_and_so_do_the_errors():
    model, theta, image, landmarks = scene()
    found, trace = refine(model, theta, image, landmarks, WEIGHTS, num_steps=40)
    losses = total(WEIGHTS, trace)
    chex.assert_shape(losses, (40, 2))
    assert np.all(losses[-1] < 0.7 * losses[0])
    before = errors(model, theta, image, landmarks)
    after = errors(model, found, image, landmarks)
    assert np.all(after["landmark"] < 0.7 * before["landmark"])


def test_each_face_of_a_batch_goes_its_own_way():
    model, *faces = scene()
    both, _ = refine(model, *faces, num_steps=3)
    alone, _ = refine(model, *builders.entry(faces, 1), num_steps=3)
    chex.assert_trees_all_close(
        parameters.to_vector(alone), parameters.to_vector(both)[1], atol=1e-4
    )


def test_it_is_compiled_once_for_all_faces():
    model = builders.toy_morphable()
    once = chex.assert_max_traces(refine.__wrapped__, n=1)
    compiled = jax.jit(once, static_argnames="num_steps")
    for seed in (1, 2):
        _, _, image, landmarks = scene(batch=3, seed=seed)
        theta = random_theta(3, seed=seed)
        compiled(model, theta, jnp.asarray(image), landmarks, num_steps=2)
