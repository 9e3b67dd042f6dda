"""Colours of a picture at any points.

Convention: pixels are (x right, y down), pixel centres at .5.
"""

import jax
from jax import Array

from pie_jax.core.images import interpolate


def sample(image: Array, points: Array) -> Array:
    """Colours `[..., V, C]` of `[..., H, W, C]` at points `[..., V, 2]`, bilinearly.

    Outside, the edge pixels repeat. Differentiable by the image and by the points,
    whose gradient is 0 outside.
    """
    single = interpolate
    for _ in points.shape[:-2]:
        single = jax.vmap(single)
    return single(image, points - 0.5)  # from centres at .5 to whole numbers
