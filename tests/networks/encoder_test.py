import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.images import reduce_area
from pie_jax.networks import encoder
from pie_jax.networks.encoder import KNOTS, SIZE, Encoder
from tests import builders

NUM_WS = 7
NETWORK = Encoder(NUM_WS, rank=5)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(NETWORK, (1, SIZE, SIZE, 3))


@pytest.fixture(scope="module")
def apply():
    return jax.jit(lambda params, image: NETWORK.apply({"params": params}, image))


def image(size=SIZE):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.uniform(-1, 1, (2, size, size, 3)), jnp.float32)


def test_a_code_for_each_picture_lies_on_few_curves_of_the_parameters_rank(
    apply, params
):
    code = apply(params, image())
    chex.assert_shape(code, (2, NUM_WS, 512))
    chex.assert_tree_all_finite(code)
    assert np.abs(code[0] - code[1]).max() > 1e-3
    assert np.linalg.matrix_rank(np.asarray(code[0]), tol=1e-3) <= KNOTS
    assert encoder.rank_of(params) == NETWORK.rank


@pytest.mark.parametrize("size", [16, 200, 2 * SIZE, 1024])
def test_pictures_of_any_size_give_one_code_each(apply, params, size):
    large = image(size)
    found = apply(params, large)
    chex.assert_shape(found, (2, NUM_WS, 512))
    reduced = apply(params, reduce_area(large, SIZE))
    chex.assert_trees_all_close(found, reduced, atol=1e-3)


@pytest.mark.parametrize("num_ws", [2, KNOTS, 18, 23])
def test_a_rows_parts_of_the_knots_sum_to_1(num_ws):
    profiles = encoder.profiles(num_ws)
    np.testing.assert_allclose(profiles.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(profiles[0], np.eye(KNOTS)[0], atol=1e-6)
    np.testing.assert_allclose(profiles[-1], np.eye(KNOTS)[-1], atol=1e-6)
