"""The encoder's objective: its distance against loops, and a toy that learns."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.training.encoder_step import (
    CodeWeights,
    EncoderBatch,
    code_distance,
    encoder_objective,
)
from pie_jax.training.update import adamw, training

NUM_WS = 4


def weights(seed=0):
    rng = np.random.default_rng(seed)
    return CodeWeights(
        common=jnp.asarray(rng.uniform(0, 1, 512), jnp.float32),
        rows=jnp.asarray(rng.uniform(0, 1, (NUM_WS, 512)), jnp.float32),
    )


def batch():
    rng = np.random.default_rng(1)
    return EncoderBatch(
        image_u8=rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8),
        code=np.float32(rng.normal(size=(2, 2, 512))),
        crossover=np.int32([1, NUM_WS]),
    )


def truth():
    code = batch().code
    return np.stack([[code[0, 0], *3 * [code[0, 1]]], 4 * [code[1, 0]]])


def test_the_true_codes_are_at_no_distance():
    np.testing.assert_allclose(
        code_distance(weights(), jnp.asarray(truth()), batch()), 0, atol=1e-6
    )


def test_the_distance_agrees_with_loops():
    found = np.float32(np.random.default_rng(2).normal(size=(2, NUM_WS, 512)))
    given = jax.tree.map(np.asarray, weights())
    expected = np.zeros(2)
    for b, i in np.ndindex(2, 512):
        error = found[b, :, i] - truth()[b, :, i]
        expected[b] += given.common[i] * error.mean() ** 2
        for n in range(NUM_WS):
            expected[b] += given.rows[n, i] * (error[n] - error.mean()) ** 2
    distance = code_distance(weights(), jnp.asarray(found), batch())
    np.testing.assert_allclose(distance, expected, rtol=1e-4)


def constant(params, image):
    """The same code for every picture."""
    code = jnp.broadcast_to(params["code"], (len(image), 512))
    offsets = jnp.broadcast_to(params["offsets"], (len(image), NUM_WS, 512))
    return code, offsets


def test_a_constant_learns_the_code_of_one_picture():
    one = jax.tree.map(lambda x: np.repeat(x[:1], 2, axis=0), batch())
    functions = training(encoder_objective(constant), adamw(300, 0.05))
    start = {"code": jnp.zeros(512), "offsets": jnp.zeros((NUM_WS, 512))}
    state = functions.init(start)
    first = None
    for _ in range(300):
        state, terms = functions.step(state, weights(), one)
        first = terms if first is None else first
    chex.assert_tree_all_finite(terms)
    assert terms["code"] < 0.02 * first["code"]
    found = state.params["code"] + state.params["offsets"]
    assert np.abs(found - truth()[0]).mean() < 0.15
