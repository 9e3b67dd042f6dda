import chex
import jax
import numpy as np

from pie_jax.core import theta as parameters
from pie_jax.training.mofa_step import WEIGHTS
from pie_jax.training.reconstruction import errors, total
from pie_jax.training.refine import refine
from tests import checks
from tests.training.reconstruction_test import scene


def test_no_step_changes_nothing_and_with_steps_the_loss_and_errors_fall():
    model, theta, image, landmarks = scene()
    found, trace = refine(model, theta, image, landmarks, num_steps=0)
    chex.assert_trees_all_equal(found, theta)
    chex.assert_tree_shape_prefix(trace, (0, 2))
    found, trace = refine(model, theta, image, landmarks, WEIGHTS, num_steps=40)
    losses = total(WEIGHTS, trace)
    chex.assert_shape(losses, (40, 2))
    assert np.all(losses[-1] < 0.7 * losses[0])
    measure = jax.jit(errors)
    before = measure(model, theta, image, landmarks)
    after = measure(model, found, image, landmarks)
    assert np.all(after["landmark"] < 0.7 * before["landmark"])


def test_each_face_of_a_batch_goes_its_own_way_in_one_program_for_all():
    once = chex.assert_max_traces(refine.__wrapped__, n=2)  # a batch, and one alone
    compiled = jax.jit(once, static_argnames="num_steps")
    for seed in (0, 1):
        model, *faces = scene(seed=seed)
        both, _ = compiled(model, *faces, num_steps=3)
        alone, _ = compiled(model, *checks.entry(faces, 1), num_steps=3)
        chex.assert_trees_all_close(
            parameters.to_vector(alone), parameters.to_vector(both)[1], atol=1e-4
        )
