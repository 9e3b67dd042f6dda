"""Colours of a picture at any points.

Convention: pixels are (x right, y down), pixel centres at .5.
"""

import jax
import jax.numpy as jnp
from jax import Array


def sample(image: Array, points: Array) -> Array:
    """Interpolates bilinearly; outside, the edge pixels repeat.

    Differentiable by the image and by the points, whose gradient is 0 outside.

    Args:
        image: `[..., H, W, C]`.
        points: `[..., V, 2]`, pixels; batch axes as the image's.

    Returns:
        `[..., V, C]`.
    """
    single = _sample
    for _ in points.shape[:-2]:
        single = jax.vmap(single)
    return single(image, points)


def _sample(image: Array, points: Array) -> Array:
    height, width = image.shape[:2]
    x = jnp.clip(points[:, 0] - 0.5, 0, width - 1)
    y = jnp.clip(points[:, 1] - 0.5, 0, height - 1)
    left = jnp.clip(jnp.floor(x).astype(jnp.int32), 0, width - 2)
    top = jnp.clip(jnp.floor(y).astype(jnp.int32), 0, height - 2)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy
