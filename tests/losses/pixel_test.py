"""The difference of colours: its formula and its independence of the resolution."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.losses.pixel import pixel
from tests import checks


def random_images(*batch, size=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, *batch, size, size, 3)).astype(np.float32)


def test_it_is_zero_on_equal_images_and_so_is_its_gradient():
    image, _ = random_images()
    value, gradient = jax.value_and_grad(pixel)(jnp.asarray(image), image)
    assert value == 0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(gradient))


def test_it_is_the_sum_of_squares_that_a_1024_pixel_image_would_have():
    image, target = random_images()
    value = pixel(image, target)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    total = np.sum((255 * (np.float64(image) - target) / 2) ** 2)
    np.testing.assert_allclose(value, total * (1024 / 4) ** 2, rtol=1e-5)


def test_at_1024_pixels_it_is_the_plain_sum():
    target = np.zeros((1024, 1024, 3), np.float32)
    image = target + np.float32(2 / 255)  # one step of 255 everywhere
    np.testing.assert_allclose(pixel(image, target), 1024 * 1024 * 3, rtol=1e-4)


@pytest.mark.parametrize("factor", [2, 8])
def test_equal_content_at_another_resolution_gives_an_equal_value(factor):
    image, target = random_images()
    larger = (x.repeat(factor, 0).repeat(factor, 1) for x in (image, target))
    np.testing.assert_allclose(pixel(*larger), pixel(image, target), rtol=1e-5)


def test_mapped_images_give_what_single_ones_give():
    checks.assert_maps(pixel, *random_images(3))


def test_gradient_agrees_with_finite_differences():
    checks.assert_gradient(pixel, *random_images(), step=1e-5)
