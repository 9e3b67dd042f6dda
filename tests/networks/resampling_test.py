"""Resampling: against zero insertion and loops over taps, and its gradients."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import resampling
from tests import stylegan_reference as reference

WRAPS = [jax.jit, lambda function: function]


def random_input(dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 5, 4)).astype(dtype)
    return x, rng.normal(size=(3, 3, 4, 2)).astype(dtype)


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


@pytest.mark.parametrize("wrap", WRAPS)
def test_upsampling_inserts_zeros_and_filters(wrap):
    x, _ = random_input()
    result = wrap(resampling.upsample)(x)
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, channels_first(slow_upsample, x), atol=1e-5)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(
    ("edge", "slow"), [(0.0, slow_stylegan2), (-1.0, slow_stylegan1)]
)
def test_the_upsampling_convolution_is_that_of_each_network(wrap, edge, slow):
    x, kernel = random_input()
    function = wrap(lambda x, kernel: resampling.upsample_conv3x3(x, kernel, edge))
    result = function(x, kernel)
    chex.assert_shape(result, (2, 6, 10, 2))
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, channels_first(slow, x, kernel), atol=1e-5)


def operations():
    yield "upsample", lambda x, kernel: resampling.upsample(x) + 0 * kernel.sum(), 0
    for edge in (0.0, -1.0):
        for argument in (0, 1):
            yield (
                f"edge {edge:g}, argument {argument}",
                lambda x, kernel, edge=edge: resampling.upsample_conv3x3(
                    x, kernel, edge
                ),
                argument,
            )


OPERATIONS = list(operations())


@pytest.mark.parametrize(
    ("operation", "argument"),
    [o[1:] for o in OPERATIONS],
    ids=[o[0] for o in OPERATIONS],
)
def test_gradients_agree_with_finite_differences(operation, argument):
    with jax.enable_x64(True):
        arguments = [jnp.asarray(a) for a in random_input(np.float64)]
        function = jax.jit(lambda *a: jnp.sum(jnp.sin(operation(*a))))
        gradient = jax.grad(function, argnums=argument)(*arguments)
        assert gradient.dtype == jnp.float64
        step = 1e-6
        for index in np.ndindex(*gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = list(arguments)
                moved[argument] = moved[argument].at[index].add(sign * step)
                ends.append(function(*moved))
            difference = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(gradient[index], difference, atol=1e-7)


@pytest.mark.parametrize("wrap", WRAPS)
def test_mapped_values_and_gradients_agree_with_batched_ones(wrap):
    x, kernel = random_input()

    def energy(x):
        y = resampling.upsample_conv3x3(resampling.upsample(x), kernel, -1.0)
        return jnp.sum(jnp.sin(y))

    mapped = wrap(jax.vmap(jax.value_and_grad(lambda x: energy(x[None]))))(x)
    _, batched = jax.value_and_grad(energy)(x)
    np.testing.assert_allclose(mapped[0].sum(), energy(x), rtol=1e-5)
    np.testing.assert_allclose(mapped[1], batched, atol=1e-4)
