"""Squared difference of convolutional features."""

import jax
import jax.numpy as jnp
from jax import Array

PAPER_RESOLUTION = 1024


def perceptual(
    features: dict[str, Array], target: dict[str, Array], resolution: int
) -> Array:
    """The second norm of E_syn (PIE, eq. 7), without its weight: a scalar.

    The sum of squared differences over all positions, channels and layers, rescaled to
    the number of positions that a 1024 x 1024 image has.

    Args:
        features: arrays `[H, W, C]` by layer name.
        target: the same of the target.
        resolution: side of the image in pixels before any reduction.
    """
    squares = jax.tree.map(lambda a, b: jnp.sum((a - b) ** 2), features, target)
    return (PAPER_RESOLUTION / resolution) ** 2 * jax.tree.reduce(jnp.add, squares)
