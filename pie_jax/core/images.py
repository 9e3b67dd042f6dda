"""Image arithmetic on arrays: colour ranges, reduction, sampling.

Convention: pixel coordinates are (x right, y down) with the centre of the first pixel
at (0, 0), as dlib has it.
"""

from typing import TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.image import resize

from pie_jax.core.numerics import matmul


def to_255(image: Array) -> Array:
    """From [-1, 1], the range inside the networks, to [0, 255]."""
    return (image + 1.0) * 127.5


def from_255(image: Array) -> Array:
    """From [0, 255], also uint8, to [-1, 1]."""
    return image / 127.5 - 1


ArrayLike = TypeVar("ArrayLike", Array, np.ndarray)


def downsample(image: ArrayLike, factor: int) -> ArrayLike:
    """Averages blocks of `factor` x `factor` pixels of an image `[..., H, W, C]`, whose
    H and W are multiples of it: `[..., H / factor, W / factor, C]`."""
    *batch, height, width, channels = image.shape
    blocks = image.reshape(
        *batch, height // factor, factor, width // factor, factor, channels
    )
    return blocks.mean(axis=(-4, -2))


def reduce_area(image: Array, size: int) -> Array:
    """Averages a square picture over the area of each new pixel; `[B, size, size, C]`.

    Args:
        image: `[B, R, R, C]`.
        size: pixels on a side of the result; where it is above R, pixels repeat.

    Raises:
        ValueError: the picture is not square.
    """
    height, width = image.shape[1:3]
    if height != width:
        raise ValueError(f"a square picture was expected, {height} x {width} came")
    if height % size == 0:
        return downsample(image, height // size)
    weights = jnp.asarray(_overlaps(height, size), image.dtype)
    return jnp.einsum("ih,bhwc,jw->bijc", weights, image, weights)


def resized(image: Array, size: int) -> Array:
    """A square picture `[R, R, C]` at any size, `[size, size, C]`: averaged over areas
    where that is smaller, interpolated linearly where it is larger."""
    if image.shape[0] < size:
        return resize(image, (size, size, image.shape[2]), "linear")
    return reduce_area(image[None], size)[0]


def _overlaps(old: int, new: int) -> np.ndarray:
    """`[new, old]`: each old pixel's share in each new one; rows sum to 1."""
    edges = np.arange(new + 1) * old / new
    first, last = edges[:-1, None], edges[1:, None]
    pixels = np.arange(old)
    shared = np.minimum(last, pixels + 1) - np.maximum(first, pixels)
    return np.maximum(shared, 0) * new / old


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
    y, x = jnp.mgrid[:size, :size].astype(jnp.float32)
    points = jnp.stack([x, y, jnp.ones_like(x)], axis=-1)
    # Else an accelerator may round coordinates to bfloat16, which is whole pixels.
    mapped = matmul(points, matrix.T)
    return interpolate(image, mapped)


def interpolate(image: Array, points: Array) -> Array:
    """Colours `[..., C]` of `[H, W, C]` at any points `[..., 2]` (pixels), bilinearly.

    Outside, the edge pixels repeat. Differentiable by the image and by the points,
    whose gradient is 0 outside.
    """
    height, width = image.shape[:2]
    x = jnp.clip(points[..., 0], 0, width - 1)
    y = jnp.clip(points[..., 1], 0, height - 1)
    left = jnp.clip(jnp.floor(x).astype(jnp.int32), 0, width - 2)
    top = jnp.clip(jnp.floor(y).astype(jnp.int32), 0, height - 2)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def reduce_affine(matrix: Array, factor: float) -> Array:
    """The map `matrix` `[2, 3]` into an image that was reduced by `factor`, or enlarged
    where that is below 1."""
    offset = jnp.array([[0, 0, 1.0], [0, 0, 1.0]]) * (0.5 / factor - 0.5)
    return matrix / factor + offset
