"""Image arithmetic on arrays: colour ranges, reduction, affine sampling.

Convention: pixel coordinates are (x right, y down) with the centre of the first pixel
at (0, 0), as dlib has it.
"""

import jax.numpy as jnp
from jax import Array


def to_255(image: Array) -> Array:
    """From [-1, 1], the range inside the networks, to [0, 255]."""
    return (image + 1.0) * 127.5


def downsample(image: Array, factor: int) -> Array:
    """Reduces an image by averaging blocks of `factor` x `factor` pixels.

    Args:
        image: `[..., H, W, C]`, H and W multiples of `factor`.

    Returns:
        `[..., H / factor, W / factor, C]`.
    """
    *batch, height, width, channels = image.shape
    blocks = image.reshape(
        *batch, height // factor, factor, width // factor, factor, channels
    )
    return blocks.mean(axis=(-4, -2))


def sample_affine(image: Array, matrix: Array, size: int) -> Array:
    """Cuts a square out of an image under an affine map, bilinearly.

    Differentiable with respect to the image. Outside, the edge pixels repeat.

    Args:
        image: `[H, W, C]`.
        matrix: `[2, 3]`, maps output pixel (x, y, 1) to image pixel (x, y).
        size: side of the output in pixels.

    Returns:
        `[size, size, C]`.
    """
    height, width = image.shape[:2]
    y, x = jnp.mgrid[:size, :size].astype(jnp.float32)
    points = jnp.stack([x, y, jnp.ones_like(x)], axis=-1) @ matrix.T
    x = jnp.clip(points[..., 0], 0, width - 1)
    y = jnp.clip(points[..., 1], 0, height - 1)
    left = jnp.clip(jnp.floor(x).astype(jnp.int32), 0, width - 2)
    top = jnp.clip(jnp.floor(y).astype(jnp.int32), 0, height - 2)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def reduce_affine(matrix: Array, factor: int) -> Array:
    """The map `matrix` `[2, 3]` into an image that was reduced by `factor`."""
    offset = jnp.array([[0, 0, 1.0], [0, 0, 1.0]]) * (0.5 / factor - 0.5)
    return matrix / factor + offset
