"""Distances between landmarks, in units of the distance of the eyes."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.ibug import OUTER_EYES
from pie_jax.core.numerics import norm


def relative_distances(found: Array, reference: Array) -> Array:
    """Each landmark's distance over that of the reference's outer corners of the eyes.

    Args:
        found: `[..., 68, 2]` in any unit, pixels being square.
        reference: `[..., 68, 2]` in the same unit.

    Returns:
        `[..., 68]`; the gradient is 0 where two points are equal.
    """
    left, right = (reference[..., i, :] for i in OUTER_EYES)
    return norm(found - reference) / jnp.linalg.norm(left - right, axis=-1)[..., None]
