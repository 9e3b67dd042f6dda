import chex
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.metrics import structural_similarity

from pie_jax import metrics
from tests import checks


def random_pair(*batch, noise=20.0):
    """A smooth image and a noisy copy, in [0, 255]."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (*batch, 5, 4, 3))
    image = coarse.repeat(8, axis=-3).repeat(8, axis=-2)
    other = np.clip(image + rng.normal(0, noise, image.shape), 0, 255)
    return image.astype(np.float32), other.astype(np.float32)


@pytest.mark.parametrize(
    ("error", "decibels"), [(255.0, 0.0), (25.5, 20.0), (1.0, 48.1308)]
)
def test_psnr_of_a_uniform_error_is_known_by_hand(error, decibels):
    image = np.zeros((4, 4, 3), np.float32)
    value = metrics.psnr(image, image + np.float32(error))
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    assert_allclose(value, decibels, atol=1e-4)


def test_psnr_averages_before_the_logarithm_and_ssim_knows_equal_and_opposite():
    image = np.zeros((2, 2, 3), np.float32)
    other = image.copy()
    other[0, 1, 2] = 12.0  # one value of twelve: the mean square is 12
    assert_allclose(metrics.psnr(image, other), 10 * np.log10(255**2 / 12), rtol=1e-6)
    assert metrics.psnr(image, image) == jnp.inf

    image, other = random_pair()
    assert_allclose(metrics.ssim(image, image), 1, atol=1e-6)
    rng = np.random.default_rng(1)
    noise = rng.uniform(0, 255, image.shape).astype(np.float32)
    assert -1 <= metrics.ssim(noise, 255 - noise) < -0.5
    assert_allclose(metrics.ssim(image, other), metrics.ssim(other, image), rtol=1e-5)


def test_psnr_and_ssim_of_a_batch_are_those_of_each_pair():
    checks.assert_maps(metrics.psnr, *random_pair(3), batched=True)
    checks.assert_maps(metrics.ssim, *random_pair(3), atol=1e-5)


@pytest.mark.parametrize("noise", [1.0, 20.0, 150.0])
def test_ssim_agrees_with_scikit_image(noise):
    image, other = random_pair(noise=noise)
    expected = structural_similarity(
        image.astype(np.float64),
        other.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    value = metrics.ssim(image, other)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    assert_allclose(value, expected, atol=1e-4)


@pytest.mark.parametrize("size", [4, 8, 10])
def test_ssim_of_a_picture_smaller_than_its_window_uses_all_of_it(size):
    image, other = (x[:size, :size] for x in random_pair())
    assert metrics.ssim(image, image) == pytest.approx(1, abs=1e-5)
    assert -1 < metrics.ssim(image, other) < 1
