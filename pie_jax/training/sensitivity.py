"""How much a generator's picture changes with each coordinate of its code."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import downsample


def probe(
    synthesis: Callable[[Any, Array], Array],
    params: Any,
    axes: Array,
    key: Array,
    w_plus: Array,
    size: int,
) -> tuple[Array, Array]:
    """One random estimate of the mean squared change of colour values.

    For a normal picture v, the square of a component of J^T v is, in expectation, the
    squared length of that column of the Jacobian J. So the mean over keys and codes is
    what an error of one standard deviation does to the picture, to first order.

    Args:
        synthesis: `(params, w_plus [B, num_ws, 512]) -> image [B, R, R, 3]`.
        params: its parameters.
        axes: `[512, 512]`, whose columns are the directions of one standard deviation.
        key: of the picture v.
        w_plus: `[num_ws, 512]`, the code at which to look.
        size: the picture is averaged to so many pixels on a side, a divisor of R.

    Returns:
        `[512]`, for changes of all style inputs at once, and `[num_ws, 512]`, for each
        by itself; both of mean squares of values in [-1, 1].
    """

    def picture(w_plus: Array) -> Array:
        image = synthesis(params, w_plus[None])[0]
        return downsample(image, image.shape[0] // size)

    image, transposed = jax.vjp(picture, w_plus)
    (gradient,) = transposed(jax.random.normal(key, image.shape, image.dtype))
    along = gradient @ axes
    return jnp.sum(along, axis=0) ** 2 / image.size, along**2 / image.size
