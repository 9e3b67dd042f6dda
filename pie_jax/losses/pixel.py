"""Squared difference of colours."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import to_255

PAPER_VALUES = 1024 * 1024 * 3
"""Number of colour values of an image in the paper: its sums are over so many."""


def pixel(image: Array, target: Array) -> Array:
    """The first norm of E_syn (PIE, eq. 7) of `[H, W, 3]` in [-1, 1], without its
    weight.

    The sum of squared differences in [0, 255], rescaled to the number of values of a
    1024 x 1024 image, so that the weight keeps its meaning at other resolutions.
    """
    return PAPER_VALUES * jnp.mean((to_255(image) - to_255(target)) ** 2)
