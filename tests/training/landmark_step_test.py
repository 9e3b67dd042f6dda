"""The landmark network's objective with a toy in the network's place."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.training.landmark_step import LandmarkBatch, landmark_objective
from pie_jax.training.update import adamw, training


def batch(size=16):
    rng = np.random.default_rng(0)
    return LandmarkBatch(
        image_u8=rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8),
        landmarks=np.float32(rng.uniform(0.2, 0.8, (3, 68, 2))),
    )


def constant(params, image):
    """The same landmarks for every picture."""
    return jnp.broadcast_to(params, (len(image), 68, 2))


def test_terms_and_gradients_are_finite():
    objective = landmark_objective(constant)
    compute = jax.jit(jax.value_and_grad(objective, has_aux=True))
    params = jnp.full((68, 2), 0.5)
    (loss, terms), grad = compute(params, None, jax.random.key(0), batch())
    chex.assert_shape([loss, terms["distance"], grad], [(), (), (68, 2)])
    chex.assert_tree_all_finite((loss, terms, grad))
    assert loss > 0 and jnp.all(jnp.any(grad != 0, axis=-1))


def test_a_constant_learns_where_landmarks_are_on_average():
    one = jax.tree.map(lambda x: np.repeat(x[:1], 8, axis=0), batch(8))
    functions = training(landmark_objective(constant), adamw(200, 0.02))
    state = functions.init(jnp.full((68, 2), 0.5))
    for _ in range(200):
        state, _ = functions.step(state, None, one)
    # The variation turns and scales about the middle, and shifts evenly.
    assert np.abs(state.average - one.landmarks[0]).mean() < 0.02
