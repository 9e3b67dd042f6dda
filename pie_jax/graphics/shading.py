"""Diffuse reflection of light given by spherical harmonics.

Incoming light is L(d) = sum over k of c_k Y_k(d), d the direction that it comes from,
Y_k the nine real orthonormal spherical harmonics up to the second order without the
Condon-Shortley phase, in the order

    1, y, z, x, xy, yz, 3z^2 - 1, xz, x^2 - y^2

with axes as the viewer has them: x to the right, y up, z towards the viewer. A white
Lambertian surface with normal n then appears in the colour

    shading(n) = 1/pi * integral of L(d) max(0, n.d) = sum over k of a_k c_k Y_k(n)

where a = (1, 2/3, 1/4) by order (Ramamoorthi and Hanrahan, 2001, eq. 8, over pi), and
an object in albedo * shading. So light c_0 = 1 / Y_0 from everywhere shades with 1.
Colours are values of the image in [0, 1], not linearised.
"""

import math

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import einsum

_BAND_0 = math.sqrt(1 / (4 * math.pi))
_BAND_1 = math.sqrt(3 / (4 * math.pi))
_BAND_2 = math.sqrt(15 / (4 * math.pi))
"""Factors of 1; of x, y, z; and of xy, yz, xz in the orthonormal harmonics."""


def harmonics(directions: Array) -> Array:
    """The nine real spherical harmonics up to the second order, `[..., 9]` in the order
    that the module states, of unit vectors `[..., 3]`."""
    x, y, z = (directions[..., i] for i in range(3))
    values = [
        jnp.full_like(x, _BAND_0),
        _BAND_1 * y,
        _BAND_1 * z,
        _BAND_1 * x,
        _BAND_2 * x * y,
        _BAND_2 * y * z,
        _BAND_2 / math.sqrt(12) * (3 * z**2 - 1),
        _BAND_2 * x * z,
        _BAND_2 / 2 * (x**2 - y**2),
    ]
    return jnp.stack(values, axis=-1)


def shade(normals: Array, illumination: Array) -> Array:
    """The colours `[..., V, 3]` of a white Lambertian surface; 1 is white.

    Negative where the coefficients describe light that is negative somewhere.

    Args:
        normals: `[..., V, 3]`, unit vectors.
        illumination: `[..., 27]`, a flattened (9, 3): coefficients for R, G, B.
    """
    coefficients = illumination.reshape(*illumination.shape[:-1], 9, 3)
    cosine_lobe = jnp.asarray([1] + 3 * [2 / 3] + 5 * [1 / 4], normals.dtype)
    return einsum("...vk,...kc->...vc", harmonics(normals) * cosine_lobe, coefficients)
