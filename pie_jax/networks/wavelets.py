"""The orthonormal two-dimensional Haar transform that doubles the resolution."""

import jax
import jax.numpy as jnp
from jax import Array


@jax.custom_vjp
def inverse_haar(x: Array) -> Array:
    """Joins four half-resolution bands into one image of twice the size.

    The bands are additions and an interleaving of pixels, no convolution. The
    transform is orthonormal, so its gradient is the forward transform.

    Args:
        x: `[B, H, W, 4 * C]`; the first C channels are the low band LL, the remaining
            3 * C are for each channel the triple (LH, HL, HH). LH is the high band
            along the height.

    Returns:
        `[B, 2 * H, 2 * W, C]`.
    """
    low, high = jnp.split(x, [x.shape[-1] // 4], axis=-1)
    high = high.reshape(*high.shape[:-1], -1, 3)
    lh, hl, hh = high[..., 0], high[..., 1], high[..., 2]
    even = 0.5 * jnp.stack([low + lh + hl + hh, low + lh - hl - hh], axis=3)
    odd = 0.5 * jnp.stack([low - lh + hl - hh, low - lh - hl + hh], axis=3)
    batch, height, width, channels = low.shape
    return jnp.stack([even, odd], axis=2).reshape(
        batch, 2 * height, 2 * width, channels
    )


def haar(image: Array) -> Array:
    """Splits an image into the four bands of `inverse_haar`: its exact inverse.

    Args:
        image: `[B, 2 * H, 2 * W, C]`.

    Returns:
        `[B, H, W, 4 * C]`, in the channel order that `inverse_haar` takes.
    """
    batch, height, width, channels = image.shape
    x = image.reshape(batch, height // 2, 2, width // 2, 2, channels)
    a, b = x[:, :, 0, :, 0], x[:, :, 0, :, 1]
    c, d = x[:, :, 1, :, 0], x[:, :, 1, :, 1]
    low = 0.5 * (a + b + c + d)
    high = 0.5 * jnp.stack([a + b - c - d, a - b + c - d, a - b - c + d], axis=-1)
    return jnp.concatenate(
        [low, high.reshape(batch, height // 2, width // 2, 3 * channels)], axis=-1
    )


inverse_haar.defvjp(lambda x: (inverse_haar(x), None), lambda _, grad: (haar(grad),))
