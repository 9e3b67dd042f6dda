"""The Haar transform: its formula, its inverse, its gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import wavelets

WRAPS = [jax.jit, lambda function: function]


def random_bands(dtype=np.float32):
    return np.random.default_rng(0).normal(size=(2, 3, 4, 12)).astype(dtype)


def slow_inverse(bands):
    """Every pixel of each 2 x 2 square by itself."""
    batch, height, width, channels = bands.shape
    channels //= 4
    image = np.zeros((batch, 2 * height, 2 * width, channels))
    for n, row, column, c in np.ndindex(*image.shape):
        i, j, down, right = row // 2, column // 2, row % 2, column % 2
        low, lh, hl, hh = (bands[n, i, j, band * channels + c] for band in range(4))
        signs = (-1) ** down, (-1) ** right
        image[n, row, column, c] = (
            low + signs[0] * lh + signs[1] * hl + signs[0] * signs[1] * hh
        ) / 2
    return image


@pytest.mark.parametrize("wrap", WRAPS)
def test_the_inverse_transform_agrees_with_loops(wrap):
    bands = random_bands()
    image = wrap(wavelets.inverse_haar)(bands)
    chex.assert_shape(image, (2, 6, 8, 3))
    chex.assert_type(image, jnp.float32)
    np.testing.assert_allclose(image, slow_inverse(bands), atol=1e-6)


def test_a_step_along_the_height_is_all_in_the_lh_band():
    image = np.zeros((1, 2, 2, 1), np.float32)
    image[:, 0] = 1
    np.testing.assert_allclose(wavelets.haar(image).ravel(), [1, 1, 0, 0])


@pytest.mark.parametrize("wrap", WRAPS)
def test_the_two_transforms_invert_each_other(wrap):
    bands = random_bands()
    image = wrap(wavelets.inverse_haar)(bands)
    np.testing.assert_allclose(wrap(wavelets.haar)(image), bands, atol=1e-6)
    np.testing.assert_allclose(
        wrap(wavelets.inverse_haar)(wavelets.haar(image)), image, atol=1e-6
    )


def test_the_transform_is_orthonormal():
    bands = random_bands()
    image = wavelets.inverse_haar(bands)
    np.testing.assert_allclose(jnp.sum(image**2), np.sum(bands**2), rtol=1e-5)


def test_mapped_bands_give_what_a_batch_gives():
    bands = random_bands()
    mapped = jax.vmap(lambda one: wavelets.inverse_haar(one[None])[0])(bands)
    np.testing.assert_array_equal(mapped, wavelets.inverse_haar(bands))


@pytest.mark.parametrize("wrap", WRAPS)
def test_the_inverse_transforms_gradient_agrees_with_finite_differences(wrap):
    with jax.enable_x64(True):
        bands = jnp.asarray(random_bands(np.float64)[:1, :2, :2])
        energy = jax.jit(lambda x: jnp.sum(jnp.sin(wavelets.inverse_haar(x))))
        gradient = wrap(jax.grad(energy))(bands)
        chex.assert_equal_shape([gradient, bands])
        step = 1e-6
        for index in np.ndindex(*bands.shape):
            above = energy(bands.at[index].add(step))
            below = energy(bands.at[index].add(-step))
            np.testing.assert_allclose(
                gradient[index], (above - below) / (2 * step), atol=1e-8
            )


def test_gradients_of_mapped_bands_are_those_of_single_ones():
    bands = jnp.asarray(random_bands())
    gradient = jax.grad(lambda x: jnp.sum(wavelets.inverse_haar(x[None]) ** 3))
    mapped = jax.vmap(gradient)(bands)
    for one, result in zip(bands, mapped, strict=True):
        np.testing.assert_allclose(result, gradient(one), atol=1e-6)
