import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.networks import wavelets
from tests import checks


def random_bands():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 12)).astype(np.float32)


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


def test_the_inverse_transform_agrees_with_loops_inverts_the_other_and_is_orthonormal():
    bands = random_bands()
    image = wavelets.inverse_haar(bands)
    chex.assert_shape(image, (2, 6, 8, 3))
    chex.assert_type(image, jnp.float32)
    np.testing.assert_allclose(image, slow_inverse(bands), atol=1e-6)

    bands = random_bands()
    image = wavelets.inverse_haar(bands)
    np.testing.assert_allclose(wavelets.haar(image), bands, atol=1e-6)
    np.testing.assert_allclose(
        wavelets.inverse_haar(wavelets.haar(image)), image, atol=1e-6
    )

    image = np.zeros((1, 2, 2, 1), np.float32)
    image[:, 0] = 1
    np.testing.assert_allclose(wavelets.haar(image).ravel(), [1, 1, 0, 0])
    bands = random_bands()
    image = wavelets.inverse_haar(bands)
    np.testing.assert_allclose(jnp.sum(image**2), np.sum(bands**2), rtol=1e-5)


def test_mapped_bands_give_what_a_batch_gives_with_its_gradient():
    batch = random_bands()[:, None]
    checks.assert_maps(wavelets.inverse_haar, batch)
    gradient = jax.grad(lambda x: jnp.sum(wavelets.inverse_haar(x) ** 3))
    checks.assert_maps(gradient, batch)

    checks.assert_gradient(
        lambda x: jnp.sum(jnp.sin(wavelets.inverse_haar(x))), random_bands()[:1, :2, :2]
    )
