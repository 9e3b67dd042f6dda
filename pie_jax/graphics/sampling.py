"""Colours of a picture at any points.

Convention: pixels are (x right, y down), pixel centres at .5.
"""

import jax
from jax import Array

from pie_jax.core.images import interpolate


def sample(image: Array, points: Array) -> Array:
    """Interpolates bilinearly; outside, the edge pixels repeat.

    Differentiable by the image and by the points, whose gradient is 0 outside.

    Args:
        image: `[..., H, W, C]`.
        points: `[..., V, 2]`, pixels; batch axes as the image's.

    Returns:
        `[..., V, C]`.
    """
    single = interpolate
    for _ in points.shape[:-2]:
        single = jax.vmap(single)
    return single(image, points - 0.5)  # from centres at .5 to whole numbers
