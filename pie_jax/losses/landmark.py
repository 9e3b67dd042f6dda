"""Distances between landmarks."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.ibug import OUTER_EYES, sixty_six
from pie_jax.core.numerics import norm

PAPER_RESOLUTION = 1024


def squared_distance(found: Array, reference: Array) -> Array:
    """The landmark part of l (PIE, eq. 10), without its weight: `[...]`.

    The squared Frobenius norm over the paper's 66 landmarks, in pixels of the paper's
    1024 x 1024, so that the weight keeps its meaning at other resolutions. Both are
    `[..., 68, 2]` in fractions of the frame.
    """
    difference = PAPER_RESOLUTION * sixty_six(found - reference)
    return jnp.sum(difference**2, axis=(-2, -1))


def mean_distance(found: Array, reference: Array) -> Array:
    """The mean `[...]` of `relative_distances` over the paper's 66 landmarks; both are
    `[..., 68, 2]` in one unit, pixels being square."""
    distances = relative_distances(sixty_six(found), sixty_six(reference))
    return jnp.mean(distances, axis=-1)


def relative_distances(found: Array, reference: Array) -> Array:
    """Each landmark's distance over that of the reference's outer corners of the eyes.

    Both are `[..., K, 2]` in one unit, pixels being square; K is 68 or 66, where the
    eyes have the same numbers.

    Returns:
        `[..., K]`; the gradient is 0 where two points are equal. Where the eyes are in
        one place, which is no face, distances are in the unit of the points.
    """
    left, right = (reference[..., i, :] for i in OUTER_EYES)
    length = norm(left - right)[..., None]
    return norm(found - reference) / jnp.where(length == 0, 1, length)
