import numpy as np
import pytest

from pie_jax.losses.pixel import pixel
from tests import checks


def random_images(*batch, size=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, *batch, size, size, 3)).astype(np.float32)


def test_it_is_the_sum_of_squares_that_a_1024_pixel_image_has_or_would_have():
    image, target = random_images()
    checks.assert_distance(pixel, (image, target), random_images(3))
    value = pixel(image, target)
    total = np.sum((255 * (np.float64(image) - target) / 2) ** 2)
    np.testing.assert_allclose(value, total * (1024 / 4) ** 2, rtol=1e-5)
    target = np.zeros((1024, 1024, 3), np.float32)
    image = target + np.float32(2 / 255)  # one step of 255 everywhere
    np.testing.assert_allclose(pixel(image, target), 1024 * 1024 * 3, rtol=1e-4)


@pytest.mark.parametrize("factor", [2, 8])
def test_equal_content_at_another_resolution_gives_an_equal_value(factor):
    image, target = random_images()
    larger = (x.repeat(factor, 0).repeat(factor, 1) for x in (image, target))
    np.testing.assert_allclose(pixel(*larger), pixel(image, target), rtol=1e-5)
