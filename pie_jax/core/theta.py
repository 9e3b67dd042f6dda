"""The parameters of a face: theta, 257 numbers (PIE, sec. 3.2)."""

import dataclasses
import math

import chex
import jax.numpy as jnp
from flax import struct
from jax import Array

SIZES = {
    "rotation": 3,
    "translation": 3,
    "identity": 80,
    "reflectance": 80,
    "expression": 64,
    "illumination": 27,
}
"""The parts of theta in the order of a vector, and how many numbers each has."""

COMPONENTS = ("rotation", "expression", "illumination")
"""The parts that a user edits (tau in the paper)."""

WHITE = 2 * math.sqrt(math.pi)
"""Constant coefficient of light of radiance 1 from everywhere: 1 / Y_0."""


@struct.dataclass
class FaceParams:
    """Shape, colour, pose and light of a face; batch axes lead.

    Attributes:
        rotation: `[..., 3]`, (pitch, yaw, roll) in radians (`core.rotations`).
        translation: `[..., 3]`, decimetres; x to the viewer's right, y up, z towards
            the viewer.
        identity: `[..., 80]`, shape in standard deviations of its basis.
        reflectance: `[..., 80]`, albedo in standard deviations of its basis.
        expression: `[..., 64]`, in standard deviations of its basis.
        illumination: `[..., 27]`, a flattened (9, 3): nine spherical harmonics
            coefficients of the incoming light for each of R, G, B
            (`graphics.shading`).
    """

    rotation: Array
    translation: Array
    identity: Array
    reflectance: Array
    expression: Array
    illumination: Array


def neutral(batch: tuple[int, ...] = ()) -> FaceParams:
    """The mean face, seen from the front, in white light from everywhere; `batch` are
    the leading axes of every field."""
    parts = {name: jnp.zeros((*batch, size)) for name, size in SIZES.items()}
    parts["illumination"] = parts["illumination"].at[..., :3].set(WHITE)
    return FaceParams(**parts)


def combine(theta1: FaceParams, theta2: FaceParams, component: str) -> FaceParams:
    """`theta1` with one component taken from `theta2` (PIE, sec. 4.2).

    With a rotation comes its translation (ours): FFHQ's frame is aligned by eyes and
    mouth, so a head that turns also moves in it, and over the generator's samples the
    place follows from the rotation (99.8 % of the variance to the side, 94 % upwards).

    Args:
        theta1: everything but the component.
        theta2: the component.
        component: one of `COMPONENTS`.

    Raises:
        ValueError: another component.
    """
    if component not in COMPONENTS:
        raise ValueError(f"no component {component!r}; choose one of {COMPONENTS}")
    names = [component, *(["translation"] if component == "rotation" else [])]
    return dataclasses.replace(theta1, **{x: getattr(theta2, x) for x in names})


def to_vector(theta: FaceParams) -> Array:
    """All numbers in the order of `SIZES`: `[..., 257]`."""
    for name, size in SIZES.items():
        chex.assert_axis_dimension(getattr(theta, name), -1, size)
    return jnp.concatenate([getattr(theta, name) for name in SIZES], axis=-1)


def from_vector(vector: Array) -> FaceParams:
    """The inverse of `to_vector`.

    Args:
        vector: `[..., 257]`.
    """
    chex.assert_axis_dimension(vector, -1, sum(SIZES.values()))
    parts, start = {}, 0
    for name, size in SIZES.items():
        parts[name] = vector[..., start : start + size]
        start += size
    return FaceParams(**parts)
