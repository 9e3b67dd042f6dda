"""How unusual coefficients of a face are."""

import jax.numpy as jnp
from jax import Array


def deviation(coefficients: Array) -> Array:
    """The sum of squares (MoFA, sec. 5): minus twice a normal prior's logarithm.

    Args:
        coefficients: `[..., K]`, in standard deviations.

    Returns:
        `[...]`.
    """
    return jnp.sum(coefficients**2, axis=-1)


def tint(illumination: Array) -> Array:
    """How far light is from white: squares of what differs between R, G and B.

    Args:
        illumination: `[..., 27]`, a flattened (9, 3) (`graphics.shading`).

    Returns:
        `[...]`, a sum.
    """
    coefficients = illumination.reshape(*illumination.shape[:-1], 9, 3)
    grey = jnp.mean(coefficients, axis=-1, keepdims=True)
    return jnp.sum((coefficients - grey) ** 2, axis=(-2, -1))


def direction(illumination: Array) -> Array:
    """How far light is from coming evenly from everywhere.

    Args:
        illumination: `[..., 27]`, a flattened (9, 3) (`graphics.shading`).

    Returns:
        `[...]`, the sum of squares of all but the constant coefficients.
    """
    return jnp.sum(illumination[..., 3:] ** 2, axis=-1)


def negative(shading: Array) -> Array:
    """How much light there would have to be that darkens.

    Args:
        shading: `[..., V, 3]`, what white surfaces would look like.

    Returns:
        `[...]`, the mean square of negative values; others count as 0.
    """
    return jnp.mean(jnp.minimum(shading, 0) ** 2, axis=(-2, -1))
