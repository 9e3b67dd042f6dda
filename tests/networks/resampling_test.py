import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import resampling
from tests import checks
from tests import stylegan_reference as reference


def random_input():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 4)).astype(np.float32)
    return x, rng.normal(size=(3, 3, 4, 2)).astype(np.float32)


def channels_first(function, x, *arguments):
    """Applies a reference to every sample."""
    results = [function(one.transpose(2, 0, 1), *arguments) for one in x]
    return np.stack(results).transpose(0, 2, 3, 1)


def slow_upsample(x):
    return reference.filtered(reference.insert_zeros(x), reference.UP_FILTER, 2, 1)


def slow_stylegan2(x, kernel):
    inserted = reference.insert_zeros(x)[:, :-1, :-1]
    return reference.filtered(
        reference.correlate(inserted, kernel, 2), reference.UP_FILTER, 1, 1
    )


def slow_stylegan1(x, kernel):
    repeated = x.repeat(2, axis=1).repeat(2, axis=2)
    blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    return reference.filtered(reference.correlate(repeated, kernel, 1), blur, 1, 1)


def test_upsampling_inserts_zeros_and_filters_mapped_as_batched():
    x, _ = random_input()
    result = resampling.upsample(x)
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, channels_first(slow_upsample, x), atol=1e-5)

    x, kernel = random_input()

    def energy(x):
        y = resampling.upsample_conv3x3(resampling.upsample(x), kernel, -1.0)
        return jnp.sum(jnp.sin(y))

    single = jax.value_and_grad(lambda x: energy(x[None]))
    checks.assert_maps(single, x, atol=1e-4)
    values, slopes = jax.vmap(single)(x)
    np.testing.assert_allclose(values.sum(), energy(x), rtol=1e-5)
    np.testing.assert_allclose(slopes, jax.grad(energy)(x), atol=1e-4)


@pytest.mark.parametrize(
    ("edge", "slow"), [(0.0, slow_stylegan2), (-1.0, slow_stylegan1)]
)
def test_the_upsampling_convolution_is_that_of_each_network(edge, slow):
    x, kernel = random_input()
    result = resampling.upsample_conv3x3(x, kernel, edge)
    chex.assert_shape(result, (2, 6, 10, 2))
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, channels_first(slow, x, kernel), atol=1e-5)


@pytest.mark.parametrize("edge", [0.0, -1.0])
def test_gradients_agree_with_finite_differences(edge):
    def energy(x, kernel):
        convolved = resampling.upsample_conv3x3(x, kernel, edge)
        return jnp.sum(jnp.sin(convolved)) + jnp.sum(jnp.cos(resampling.upsample(x)))

    checks.assert_gradient(energy, *random_input())
