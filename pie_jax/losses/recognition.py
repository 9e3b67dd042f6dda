"""Squared distance of face descriptors."""

import jax.numpy as jnp
from jax import Array


def recognition(descriptor: Array, target: Array) -> Array:
    """A norm of E_recog (PIE, eq. 15), without its weight.

    Args:
        descriptor: `[D]`.
        target: `[D]`.

    Returns:
        Scalar, the squared Euclidean distance.
    """
    return jnp.sum((descriptor - target) ** 2)
