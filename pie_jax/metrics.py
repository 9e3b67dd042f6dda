"""Numbers that are reported about an embedding (PIE, Table 2)."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

_WINDOW = 11
_SIGMA = 1.5


def psnr(image: Array, target: Array) -> Array:
    """Peak signal-to-noise ratio in dB over all colour values.

    Args:
        image: `[..., H, W, 3]` in [0, 255].
        target: `[..., H, W, 3]` in [0, 255].

    Returns:
        `[...]`; infinite for equal images.
    """
    error = jnp.mean((image - target) ** 2, axis=(-3, -2, -1))
    return 10.0 * jnp.log10(255.0**2 / error)


def ssim(image: Array, target: Array) -> Array:
    """Structural similarity (Wang et al., 2004), mean over pixels and channels.

    Gaussian window of 11 pixels, or all that a smaller picture has, and sigma 1.5, K1 =
    0.01, K2 = 0.03, biased variances, and only positions where the window lies inside the
    image.

    Args:
        image: `[H, W, C]` in [0, 255].
        target: `[H, W, C]` in [0, 255].

    Returns:
        Scalar in [-1, 1].
    """
    c1, c2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
    mean_x, mean_y = _blur(image), _blur(target)
    var_x = _blur(image**2) - mean_x**2
    var_y = _blur(target**2) - mean_y**2
    covariance = _blur(image * target) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (var_x + var_y + c2)
    return jnp.mean(luminance * structure)


def _blur(image: Array) -> Array:
    """Separable Gaussian window, each channel by itself, no padding."""
    size = min(_WINDOW, *image.shape[:2])
    offsets = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window = jnp.asarray(weights / weights.sum(), image.dtype)
    x = jnp.moveaxis(image, -1, 0)[..., None]
    for shape in ((size, 1, 1, 1), (1, size, 1, 1)):
        x = lax.conv_general_dilated(
            x,
            window.reshape(shape),
            (1, 1),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    return jnp.moveaxis(x[..., 0], 0, -1)
