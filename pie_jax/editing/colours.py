"""What colours a face has in a picture, and what an edit is to make of them.

A lamp that is asked for tells by the face model how much brighter each place becomes
(a ratio image: Shashua and Riklin-Raviv, "The Quotient Image", PAMI 2001). An edited code
misses that in the mean: skin greys in light from the side, turns orange in a warm one.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import reduce_area
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.graphics.sampling import sample

SIZE = 64
"""Pixels on a side at which colours of the face are compared: coarse, for a face that was
turned does not lie so exactly."""
BRIGHTER = 2.0
"""How much brighter or darker a place of the face may be expected to become, and an edit
be made."""


def recoloured(
    model: Morphable,
    own: FaceParams,
    before: Array,
    target: FaceParams,
    theta: FaceParams,
    image: Array,
) -> Array:
    """Edits whose faces have in the mean the colours that are expected of them.

    Args:
        own: `[B]`, the portrait's theta.
        before: `[B, S, S, 3]` RGB in [-1, 1], its picture.
        target: `[B]`, what is asked for.
        theta: `[B]`, where the face lies in the edit.
        image: `[B, R, R, 3]`, the edit.

    Returns:
        `[B, R, R, 3]`, each channel of the edit, from black, by one factor, `BRIGHTER` at
        most.
    """
    wanted, comparable = expected(model, own, before, target)
    # In the mean over a face it does not count that landmarks lie off by a few pixels.
    face = render_vertices(model, theta, 1)
    seen = jnp.clip(sampled(image, face.points), 0, 1)
    used = (comparable * face.visible)[..., None] > 0
    sums = [jnp.sum(jnp.where(used, x, 0), axis=1) for x in (seen, wanted)]
    factor = jnp.clip(_ratio(*sums), 1 / BRIGHTER, BRIGHTER)[:, None, None]
    # What the generator leaves beyond the range may stay: so no change is none.
    low, high = jnp.minimum(image, -1), jnp.maximum(image, 1)
    return jnp.clip(image + (factor - 1) * (image + 1), low, high)


def expected(
    model: Morphable,
    own: FaceParams,
    image: Array,
    target: FaceParams,
    off: Array | float = 0.0,
) -> tuple[Array, Array]:
    """The colours of a portrait's face, as much brighter as the face model becomes.

    Only another light tints; by what a turn does to MoFA's, skin would.

    Args:
        own: `[B]`, the portrait's theta.
        image: `[B, R, R, 3]` RGB in [-1, 1].
        target: `[B]`.
        off: `[B, 1, 2]` in fractions of the frame, by how much the face lies elsewhere.

    Returns:
        `[B, V, 3]` in [0, 1], and where they can be compared, `[B, V]` in {0, 1}.
    """
    turned = dataclasses.replace(target, illumination=own.illumination)
    before, between, after = (
        render_vertices(model, x, 1) for x in (own, turned, target)
    )
    grey = [jnp.mean(x.shading, axis=-1, keepdims=True) for x in (before, between)]
    brighter = _ratio(*grey) * _ratio(between.shading, after.shading)
    found = sampled(image, before.points + off)
    found = found * jnp.clip(brighter, 1 / BRIGHTER, BRIGHTER)
    return jnp.clip(found, 0, 1), before.visible * after.visible


def sampled(image: Array, points: Array) -> Array:
    """Colours `[B, V, 3]` in [0, 1] at points `[B, V, 2]` in fractions of the frame,
    which get no gradient."""
    size = min(SIZE, image.shape[1])
    places = jax.lax.stop_gradient(size * points)
    return jax.vmap(sample)((reduce_area(image, size) + 1) / 2, places)


def _ratio(before: Array, after: Array) -> Array:
    """How much brighter; dark places may not become anything, and spherical harmonics may
    be below zero."""
    return (jnp.maximum(after, 0) + 0.02) / (jnp.maximum(before, 0) + 0.02)
