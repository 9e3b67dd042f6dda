import math

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.theta import WHITE
from pie_jax.graphics import shading
from tests import checks

FROM = {"above": 1, "viewer": 2, "right": 3}
"""Coefficients of the first order, by where their light comes from."""


def random_normals(*batch, seed=0):
    normals = np.random.default_rng(seed).normal(size=(*batch, 5, 3))
    return (normals / np.linalg.norm(normals, axis=-1, keepdims=True)).astype("f")


def random_light(*batch, seed=1):
    light = np.random.default_rng(seed).normal(size=(*batch, 27))
    return light.astype(np.float32)


def sphere(rows=400, columns=800):
    """Directions [N, 3] all over the sphere and the solid angle of each."""
    z, weight = np.polynomial.legendre.leggauss(rows)
    angle = 2 * np.pi * (np.arange(columns) + 0.5) / columns
    radius = np.sqrt(1 - z**2)[:, None]
    parts = [radius * np.cos(angle), radius * np.sin(angle)]
    directions = np.stack([*parts, np.broadcast_to(z[:, None], parts[0].shape)], -1)
    solid_angle = np.broadcast_to(weight[:, None] * 2 * np.pi / columns, parts[0].shape)
    return directions.reshape(-1, 3), solid_angle.reshape(-1)


def legendre_harmonics(directions):
    """From polar angles and associated Legendre functions, band by band."""
    x, y, z = directions.T
    phi, sine = np.arctan2(y, x), np.sqrt(1 - z**2)
    legendre = {  # without the Condon-Shortley phase
        (0, 0): np.ones_like(z),
        (1, 0): z,
        (1, 1): sine,
        (2, 0): (3 * z**2 - 1) / 2,
        (2, 1): 3 * z * sine,
        (2, 2): 3 * sine**2,
    }
    result = []
    for band in range(3):
        for order in range(-band, band + 1):
            m = abs(order)
            ratio = math.factorial(band - m) / math.factorial(band + m)
            scale = np.sqrt((2 * band + 1) / (4 * np.pi) * ratio)
            wave = np.cos(m * phi) if order >= 0 else np.sin(m * phi)
            scale = scale * (np.sqrt(2) if m else 1)
            result.append(scale * legendre[band, m] * wave)
    return np.stack(result, axis=-1)


def slow_shading(normals, light):
    """The integral of incoming light times cosine, over pi."""
    directions, solid_angle = sphere()
    incoming = legendre_harmonics(directions) @ light.reshape(9, 3)
    cosine = np.maximum(directions @ normals.T, 0)
    return np.einsum("d,dv,dc->vc", solid_angle, cosine, incoming) / np.pi


def test_the_harmonics_are_orthonormal_and_lights_add_up():
    directions, solid_angle = sphere(40, 80)
    values = np.asarray(shading.harmonics(directions.astype(np.float32)), np.float64)
    products = np.einsum("d,di,dj->ij", solid_angle, values, values)
    np.testing.assert_allclose(products, np.eye(9), atol=1e-5)
    directions = random_normals()
    result = shading.harmonics(directions)
    chex.assert_shape(result, (5, 9))
    np.testing.assert_allclose(result, legendre_harmonics(directions), atol=1e-5)

    light = jnp.zeros((9, 3)).at[0].set(WHITE).reshape(27)
    np.testing.assert_allclose(shading.shade(random_normals(), light), 1, rtol=1e-6)
    normals, one, other = random_normals(), random_light(), random_light(seed=2)
    np.testing.assert_allclose(
        shading.shade(normals, one + 2 * other),
        shading.shade(normals, one) + 2 * shading.shade(normals, other),
        atol=1e-5,
    )


def test_shading_is_the_integral_over_the_sphere():
    normals, light = random_normals(), random_light()
    result = shading.shade(normals, light)
    chex.assert_shape(result, (5, 3))
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, slow_shading(normals, light), atol=2e-4)


@pytest.mark.parametrize("side", FROM)
def test_light_of_the_first_order_brightens_the_side_that_it_comes_from(side):
    light = jnp.zeros((9, 3)).at[FROM[side], 1].set(1).reshape(27)
    axis = {"above": [0, 1, 0], "viewer": [0, 0, 1], "right": [1, 0, 0]}[side]
    lit, unlit = shading.shade(jnp.asarray([axis, np.negative(axis)], "f"), light)
    assert lit[1] > 0 > unlit[1]
    chex.assert_trees_all_equal(lit[::2], jnp.zeros(2))  # green light only


def test_mapped_faces_give_what_single_ones_give_with_their_gradient():
    batch = random_normals(2, 3), random_light(2, 3)
    checks.assert_maps(shading.shade, *batch, axes=2, batched=True, atol=1e-5)
    checks.assert_gradient(
        lambda *x: jnp.sum(jnp.sin(shading.shade(*x))), random_normals(), random_light()
    )
