"""Products of full precision; lengths and directions with a gradient everywhere."""

from functools import partial

import jax.numpy as jnp
from jax import Array, lax

matmul = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
"""For products that decide something: codes, angles, points. An accelerator's default,
TF32 or bfloat16, keeps three digits of them."""
einsum = partial(jnp.einsum, precision=lax.Precision.HIGHEST)
"""As `matmul`."""
tensordot = partial(jnp.tensordot, precision=lax.Precision.HIGHEST)
"""As `matmul`."""


def norm(x: Array) -> Array:
    """The Euclidean length along the last axis, with gradient 0 at the zero vector."""
    squared = jnp.sum(x**2, axis=-1)
    zero = squared == 0
    # The root of the unused branch must not be taken at 0 either: its slope there is
    # infinite, and infinity times the 0 from the outer `where` is NaN.
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squared)))


def unit(x: Array) -> Array:
    """Scales to length 1 along the last axis; the zero vector stays, with gradient 0."""
    length = norm(x)[..., None]
    zero = length == 0
    return jnp.where(zero, 0, x / jnp.where(zero, 1, length))
