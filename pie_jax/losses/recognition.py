"""Squared distance of face descriptors."""

import jax.numpy as jnp
from jax import Array


def recognition(descriptor: Array, target: Array) -> Array:
    """A norm of E_recog (PIE, eq. 15), without its weight: the squared Euclidean
    distance of descriptors `[D]`."""
    return jnp.sum((descriptor - target) ** 2)
