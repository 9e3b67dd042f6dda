"""Where light given by spherical harmonics comes from, and turning it.

The order of the coefficients and the axes are those of `graphics.shading`.
"""

import math

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import einsum, norm

_LAMP = math.sqrt(3)
"""Length of the first order over the constant, for light from one direction alone."""


def rotate(illumination: Array, matrix: Array) -> Array:
    """Turns light `[..., 27]` about the scene by rotations `[..., 3, 3]`: what came
    from direction d comes from `matrix @ d`. Light from everywhere is as before."""
    light = _by_harmonic(illumination)
    first = einsum("...ij,...jc->...ic", matrix, _vector(light))
    second = einsum("...ij,...jkc,...lk->...ilc", *(matrix, _quadratic(light), matrix))
    x, y, z = (first[..., i, :] for i in range(3))
    turned = [light[..., 0, :], y, z, x, *_coefficients(second)]
    return jnp.stack(turned, axis=-2).reshape(illumination.shape)


def direction(illumination: Array) -> tuple[Array, Array]:
    """Where most of the light `[..., 27]` comes from, all colours together.

    Returns:
        Azimuth and elevation `[...]` in radians: 0, 0 is the viewer's place; positive
        are the viewer's right, and above. Light from everywhere gives 0, 0.
    """
    x, y, z = jnp.moveaxis(
        jnp.mean(_vector(_by_harmonic(illumination)), axis=-1), -1, 0
    )
    level = norm(jnp.stack([x, z], axis=-1))
    return _arctan2(x, z), _arctan2(y, level)


def strength(illumination: Array) -> Array:
    """How much the direction of light `[..., 27]` matters, `[...]`: 0 for light from
    everywhere, 1 for a single lamp's."""
    mean = jnp.mean(_by_harmonic(illumination), axis=-1)
    constant = mean[..., 0]
    dark = constant <= 0
    return norm(mean[..., 1:4]) / jnp.where(dark, 1, _LAMP * constant) * ~dark


def scale_directional(illumination: Array, factor: Array | float) -> Array:
    """Makes light `[..., 27]` harder or softer, and as bright as before on average;
    `factor` `[...]` is of all that depends on the direction."""
    light = _by_harmonic(illumination)
    factors = jnp.broadcast_to(jnp.asarray(factor)[..., None], (*light.shape[:-2], 9))
    factors = factors.at[..., 0].set(1)
    return (light * factors[..., None]).reshape(illumination.shape)


def _by_harmonic(illumination: Array) -> Array:
    return illumination.reshape(*illumination.shape[:-1], 9, 3)


def _vector(light: Array) -> Array:
    """The first order as x, y, z: `[..., 3, 3]`, the last axis colours."""
    return light[..., jnp.asarray([3, 1, 2]), :]


def _quadratic(light: Array) -> Array:
    """The second order as a form d' M d, over a factor: `[..., 3, 3, 3]`.

    The last axis are colours. On the unit sphere 3 z^2 - 1 = 2 z^2 - x^2 - y^2.
    """
    xy, yz, zz, xz, xx = (light[..., k, :] for k in range(4, 9))
    zz = zz / math.sqrt(12)
    rows = [
        [xx / 2 - zz, xy / 2, xz / 2],
        [xy / 2, -xx / 2 - zz, yz / 2],
        [xz / 2, yz / 2, 2 * zz],
    ]
    return jnp.stack([jnp.stack(row, axis=-2) for row in rows], axis=-3)


def _coefficients(form: Array) -> list[Array]:
    """The inverse of `_quadratic`: five of `[..., 3]`."""
    return [
        2 * form[..., 0, 1, :],
        2 * form[..., 1, 2, :],
        form[..., 2, 2, :] * (math.sqrt(12) / 2),
        2 * form[..., 0, 2, :],
        form[..., 0, 0, :] - form[..., 1, 1, :],
    ]


def _arctan2(y: Array, x: Array) -> Array:
    """arctan2, 0 with gradient 0 at the origin."""
    nowhere = (x == 0) & (y == 0)
    return jnp.where(nowhere, 0, jnp.arctan2(y, jnp.where(nowhere, 1, x)))
