"""How unusual coefficients of a face are."""

import jax.numpy as jnp
from jax import Array


def deviation(coefficients: Array) -> Array:
    """The sum `[...]` of squares of coefficients `[..., K]` in standard deviations
    (MoFA, sec. 5): minus twice a normal prior's logarithm."""
    return jnp.sum(coefficients**2, axis=-1)


def tint(illumination: Array) -> Array:
    """How far light `[..., 27]` (`graphics.shading`) is from white: the sum `[...]` of
    squares of what differs between R, G and B."""
    coefficients = illumination.reshape(*illumination.shape[:-1], 9, 3)
    grey = jnp.mean(coefficients, axis=-1, keepdims=True)
    return jnp.sum((coefficients - grey) ** 2, axis=(-2, -1))


def direction(illumination: Array) -> Array:
    """How far light `[..., 27]` is from coming evenly from everywhere: the sum `[...]`
    of squares of all but the constant coefficients (`graphics.shading`)."""
    return jnp.sum(illumination[..., 3:] ** 2, axis=-1)


def negative(shading: Array) -> Array:
    """How much light there would have to be that darkens: the mean square `[...]` of
    negative values of `shading` `[..., V, 3]`, what white surfaces would look like."""
    return jnp.mean(jnp.minimum(shading, 0) ** 2, axis=(-2, -1))
