"""Skin and light: what explains a picture's colours where the shape is known.

A network says well where a face is, and too little of what is peculiar to its colours:
its estimates of reflectance deviate by 0.5 of the standard deviations that they are
in. But where the shape is known, colours are nearly linear in reflectance and light, and
the picture tells both: a linear model's fit in closed form (Blanz and Vetter, "A Morphable
Model for the Synthesis of 3D Faces", SIGGRAPH 1999, by least squares instead of descent).
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import reduce_area
from pie_jax.core.numerics import tensordot
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.graphics import shading
from pie_jax.graphics.sampling import sample

SIZE = 128
"""Pixels on a side of the picture whose colours are looked up."""

RIDGE = {"reflectance": 5e-5, "illumination": 3e-4}
"""What the square of a coefficient's change counts, in mean squares of colours in
[0, 1]. It is as if a face showed fifty colours that tell of the others nothing, each off
by 0.06, and 80 numbers of skin that the network misses by 0.7 each. With a third of the
ridge two pictures of one person are further apart than two people's; with three times as
much, colours are further off (docs/measurements.md)."""


def solve(model: Morphable, theta: FaceParams, image: Array) -> FaceParams:
    """The reflectance and light that explain a picture, near those that are known.

    One step of Gauss and Newton: the product of what both change is left out.

    Args:
        theta: `[B]`, the faces; shape and pose stay as they are.
        image: `[B, R, R, 3]` RGB in [-1, 1], R at least `SIZE`.

    Returns:
        `[B]`, with another reflectance and illumination; theta itself where nothing of
        the face is in the picture. Differentiable by all arguments.
    """
    return jax.vmap(partial(_solve, model))(theta, reduce_area(image, SIZE))


def _solve(model: Morphable, theta: FaceParams, image: Array) -> FaceParams:
    """As `solve`, of one face, in a picture of `SIZE` pixels."""
    rendering = render_vertices(model, theta, SIZE)
    missed = sample((image + 1) / 2, rendering.points) - rendering.colours
    lamps = jnp.eye(SIZES["illumination"], dtype=image.dtype)
    slopes = {  # of the colours `[V, 3]`
        "reflectance": model.albedo * rendering.shading,
        "illumination": rendering.albedo * shading.shade(rendering.normals, lamps),
    }
    slope = jnp.concatenate([*slopes.values()])
    ridge = jnp.concatenate([jnp.full(len(x), RIDGE[k]) for k, x in slopes.items()])
    total = jnp.sum(rendering.visible)
    weights = rendering.visible / (3 * jnp.where(total == 0, 1, total))
    weighted = weights[:, None] * slope
    change = jnp.linalg.solve(
        _products(weighted, slope) + jnp.diag(ridge), _products(weighted, missed)
    )
    skin, light = jnp.split(change, [len(model.albedo)])
    return dataclasses.replace(
        theta,
        reflectance=theta.reflectance + skin,
        illumination=theta.illumination + light,
    )


def _products(a: Array, b: Array) -> Array:
    """Sums over vertices and colours, in float32 also where matrices are rounded."""
    return tensordot(a, b, axes=[(-2, -1)] * 2)
