import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import ibug
from pie_jax.core.images import reduce_area
from pie_jax.networks import landmark_net
from pie_jax.networks.landmark_net import SIZE, LandmarkNet
from tests import builders

NETWORK = LandmarkNet(1 / 32)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(NETWORK, (1, SIZE, SIZE, 3))


@pytest.fixture(scope="module")
def apply():
    return jax.jit(lambda params, image: NETWORK.apply({"params": params}, image))


def image(batch=2):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.uniform(-1, 1, (batch, SIZE, SIZE, 3)), jnp.float32)


def test_landmarks_are_of_each_picture_and_mirrored_of_a_mirrored_one(apply, params):
    found = apply(params, image())
    chex.assert_shape(found, (2, 68, 2))
    chex.assert_tree_all_finite(found)
    assert np.abs(found[0] - found[1]).max() > 1e-4

    pictures = image()
    found, other = (
        landmark_net.both_ways(apply, params, x)
        for x in (pictures, pictures[:, :, ::-1])
    )
    chex.assert_shape(found, (2, 68, 2))
    chex.assert_trees_all_close(other, ibug.mirror(found), atol=1e-5)
    once = apply(params, pictures)
    assert np.abs(once - found).max() > 1e-4
    back = ibug.mirror(apply(params, pictures[:, :, ::-1]))
    chex.assert_trees_all_close(found, (once + back) / 2, atol=1e-5)


@pytest.mark.parametrize("size", [64, 200, 2 * SIZE, 1024])
def test_pictures_of_any_size_are_averaged_and_give_landmarks_each(apply, params, size):
    rng = np.random.default_rng(1)
    large = jnp.asarray(rng.uniform(-1, 1, (2, size, size, 3)), jnp.float32)
    found = apply(params, large)
    chex.assert_shape(found, (2, 68, 2))
    reduced = apply(params, reduce_area(large, SIZE))
    np.testing.assert_allclose(found, reduced, atol=1e-4)


@pytest.mark.parametrize("row, column", [(0, 0), (2, 11), (15, 4)])
def test_a_peak_of_the_heat_map_is_a_place_x_before_y(row, column):
    heat = jnp.zeros((1, 16, 16, 68)).at[:, row, column].set(50.0)
    probability = jax.nn.softmax(heat.reshape(1, 16 * 16, 68), axis=1)
    found = landmark_net._mean_place(probability)
    expected = (column + 0.5) / 16, (row + 0.5) / 16
    np.testing.assert_allclose(found[0, 7], expected, atol=1e-5)


def test_an_even_heat_map_is_the_centre_and_landmarks_may_be_beyond_the_frame(
    apply, params
):
    even = jax.tree.map(jnp.zeros_like, params["heat"])
    plain = {"scale": jnp.ones((68, 2)), "shift": jnp.zeros((68, 2))}
    found = apply(params | plain | {"heat": even}, image())
    np.testing.assert_allclose(found, 0.5, atol=1e-5)

    even = jax.tree.map(jnp.zeros_like, params["heat"])
    shift = jnp.full((68, 2), 0.7).at[:, 0].set(0)
    found = apply(params | {"heat": even, "shift": shift}, image())
    np.testing.assert_allclose(found[..., 0], 0.5, atol=1e-5)
    np.testing.assert_allclose(found[..., 1], 1.2, atol=1e-5)
