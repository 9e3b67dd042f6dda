"""Difference of colours at the vertices of a face."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import norm

FACE_PIXELS = 401_534
"""How many of the paper's 1024 x 1024 pixels a face covers: the open model's mean face,
drawn by `face.render.render_image(model, theta.neutral(), 1024)`."""


def photometric(colours: Array, seen: Array, weights: Array) -> Array:
    """The weighted mean length `[...]` of the colours' differences (MoFA, sec. 5).

    Lengths and not their squares: what hides the face, hair and glasses, is far from
    any skin's colour, and squared it would count most. 0 where no vertex counts, and
    with a gradient of 0 where two colours are equal.

    Args:
        colours: `[..., V, 3]`, RGB in [0, 1].
        seen: `[..., V, 3]`, what the picture shows in their place.
        weights: `[..., V]` >= 0, such as 1 for vertices that are visible.
    """
    return _mean(norm(colours - seen), weights)


def foreground(colours: Array, seen: Array, weights: Array) -> Array:
    """The photometric part of l (PIE, eq. 10), without its weight.

    The sum of squared differences in [0, 255] over the face's pixels at 1024 x 1024,
    estimated from vertices: their weighted mean times `FACE_PIXELS`. So the weight
    keeps its meaning whatever the numbers of vertices and pixels.

    Args as of `photometric`.

    Returns:
        `[...]`; 0 where no vertex counts.
    """
    squares = jnp.sum((255 * (colours - seen)) ** 2, axis=-1)
    return FACE_PIXELS * _mean(squares, weights)


def colour_error(colours: Array, seen: Array, weights: Array) -> Array:
    """The weighted mean absolute difference of colour values, as it is reported.

    Args and result as of `photometric`.
    """
    return _mean(jnp.mean(jnp.abs(colours - seen), axis=-1), weights)


def _mean(values: Array, weights: Array) -> Array:
    total = jnp.sum(weights, axis=-1)
    return jnp.sum(weights * values, axis=-1) / jnp.where(total == 0, 1, total)
