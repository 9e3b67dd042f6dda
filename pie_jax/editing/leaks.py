"""What else an edit changed: the components that nobody asked to change."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.losses.landmark import mean_distance

LEAKS = (*SIZES, "landmarks")
"""The names of what `leaks` gives."""


def leaks(model: Morphable, before: FaceParams, after: FaceParams) -> dict[str, Array]:
    """Compares a portrait's theta `[...]` with the edited one's.

    Returns:
        `[...]` each: `rotation`, the angle between both in radians; `translation` in
        decimetres; `identity`, `reflectance` and `expression`, root mean squares in
        standard deviations; `illumination`, see `light_distance`; and `landmarks`, see
        `landmark_leak`.
    """

    def spread(name: str) -> Array:
        difference = getattr(after, name) - getattr(before, name)
        return jnp.sqrt(jnp.mean(difference**2, axis=-1))

    moved = after.translation - before.translation
    return {
        "rotation": rotations.angle(
            rotations.matrix(before.rotation), rotations.matrix(after.rotation)
        ),
        "translation": jnp.sqrt(jnp.sum(moved**2, axis=-1)),
        "identity": spread("identity"),
        "reflectance": spread("reflectance"),
        "expression": spread("expression"),
        "illumination": light_distance(before.illumination, after.illumination),
        "landmarks": landmark_leak(model, before, after),
    }


def light_distance(reference: Array, found: Array) -> Array:
    """Scale-invariant distance of light (PIE, sec. 6): what no brightness explains.

    Both are `[..., 27]`; the second is scaled so that it comes nearest to the first,
    and the Euclidean distance `[...]` that is left is given.
    """
    squared = jnp.sum(found**2, axis=-1, keepdims=True)
    dark = squared == 0
    product = jnp.sum(reference * found, axis=-1, keepdims=True)
    scale = product / jnp.where(dark, 1, squared)
    return jnp.sqrt(jnp.sum((reference - scale * found) ** 2, axis=-1))


def landmark_leak(model: Morphable, before: FaceParams, after: FaceParams) -> Array:
    """How far shape and expression moved the landmarks of faces `[...]`, pose removed:
    the mean distance `[...]` of the 66 landmarks seen from the front, in distances of
    the outer corners of the eyes."""

    def frontal(theta: FaceParams) -> Array:
        still = dataclasses.replace(
            theta,
            rotation=jnp.zeros_like(theta.rotation),
            translation=jnp.zeros_like(theta.translation),
        )
        return render_vertices(model, still, 1, occlusion=False).landmarks

    return mean_distance(frontal(after), frontal(before))
