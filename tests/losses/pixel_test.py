"""The difference of colours: its formula and its independence of the resolution."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.losses.pixel import pixel

WRAPS = [jax.jit, lambda function: function]


def random_images(*batch, size=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, *batch, size, size, 3)).astype(np.float32)


def test_it_is_zero_on_equal_images_and_so_is_its_gradient():
    image, _ = random_images()
    value, gradient = jax.value_and_grad(pixel)(jnp.asarray(image), image)
    assert value == 0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(gradient))


@pytest.mark.parametrize("wrap", WRAPS)
def test_it_is_the_sum_of_squares_that_a_1024_pixel_image_would_have(wrap):
    image, target = random_images()
    value = wrap(pixel)(image, target)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    total = 0.0
    for index in np.ndindex(*image.shape):
        total += (255 * (float(image[index]) - float(target[index])) / 2) ** 2
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


@pytest.mark.parametrize("wrap", WRAPS)
def test_mapped_images_give_what_single_ones_give(wrap):
    images, targets = random_images(3)
    values = wrap(jax.vmap(pixel))(images, targets)
    singles = [pixel(*pair) for pair in zip(images, targets, strict=True)]
    np.testing.assert_allclose(values, singles, rtol=1e-5)


def test_gradient_agrees_with_finite_differences():
    with jax.enable_x64(True):
        image, target = (jnp.asarray(x, jnp.float64) for x in random_images())
        gradient, step = jax.grad(pixel)(image, target), 1e-5
        for index in [(0, 0, 0), (1, 2, 1), (3, 3, 2)]:
            above = pixel(image.at[index].add(step), target)
            below = pixel(image.at[index].add(-step), target)
            np.testing.assert_allclose(
                gradient[index], (above - below) / (2 * step), rtol=1e-6
            )
