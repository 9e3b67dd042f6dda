"""The orthonormal two-dimensional Haar transform that doubles the resolution."""

import jax
import jax.numpy as jnp
from jax import Array


@jax.custom_vjp
def inverse_haar(x: Array) -> Array:
    """Joins four half-resolution bands into one image `[B, 2 * H, 2 * W, C]`.

    The bands LL, LH, HL, HH, C channels each, are the last axis of `[B, H, W, 4 * C]`;
    LH is the high band along the height. They are joined by additions and an
    interleaving of pixels, no convolution. The transform is orthonormal, so its
    gradient is the forward transform.
    """
    low, lh, hl, hh = jnp.split(0.5 * x, 4, axis=-1)
    even = jnp.stack([low + lh + hl + hh, low + lh - hl - hh], axis=3)
    odd = jnp.stack([low - lh + hl - hh, low - lh - hl + hh], axis=3)
    batch, height, width, channels = low.shape
    return jnp.stack([even, odd], axis=2).reshape(
        batch, 2 * height, 2 * width, channels
    )


def haar(image: Array) -> Array:
    """Splits `[B, 2 * H, 2 * W, C]` into the four bands of `inverse_haar`,
    `[B, H, W, 4 * C]`: its exact inverse."""
    batch, height, width, channels = image.shape
    x = 0.5 * image.reshape(batch, height // 2, 2, width // 2, 2, channels)
    a, b = x[:, :, 0, :, 0], x[:, :, 0, :, 1]
    c, d = x[:, :, 1, :, 0], x[:, :, 1, :, 1]
    return jnp.concatenate(
        [a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d], axis=-1
    )


inverse_haar.defvjp(lambda x: (inverse_haar(x), None), lambda _, grad: (haar(grad),))
