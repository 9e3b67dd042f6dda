"""The morphable face model: coefficients to vertices, colours and named expressions.

Blanz and Vetter, "A Morphable Model for the Synthesis of 3D Faces", SIGGRAPH 1999, with
a second linear basis for expressions. Any model fills the same structure: how many
vertices, components and named units there are is told by its arrays alone.

The model frame: the origin lies on the head's plane of symmetry, between the ears, at
the height that puts the mean head where FFHQ's average face is. x points to the
viewer's right, y up, z towards the viewer, along the gaze. Units are decimetres for the
open model; the camera that belongs to a model is in the same units.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.numerics import matmul, tensordot
from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable_arrays
from pie_jax.face.morphable_arrays import FLOATS, INDICES
from pie_jax.graphics.camera import Camera

ALIASES: dict[str, dict[str, float]] = {
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "frown": {"mouthFrownLeft": 1.0, "mouthFrownRight": 1.0},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "squint": {"eyeSquintLeft": 1.0, "eyeSquintRight": 1.0},
    "eyesWide": {"eyeWideLeft": 1.0, "eyeWideRight": 1.0},
    "browsUp": {
        "browInnerUp": 1.0,
        "browOuterUpLeft": 1.0,
        "browOuterUpRight": 1.0,
    },
    "browsDown": {"browDownLeft": 1.0, "browDownRight": 1.0},
    "sneer": {"noseSneerLeft": 1.0, "noseSneerRight": 1.0},
    "dimples": {"mouthDimpleLeft": 1.0, "mouthDimpleRight": 1.0},
    "stretch": {"mouthStretchLeft": 1.0, "mouthStretchRight": 1.0},
    "press": {"mouthPressLeft": 1.0, "mouthPressRight": 1.0},
    "upperLipUp": {"mouthUpperUpLeft": 1.0, "mouthUpperUpRight": 1.0},
    "lowerLipDown": {"mouthLowerDownLeft": 1.0, "mouthLowerDownRight": 1.0},
    "cheekSquint": {"cheekSquintLeft": 1.0, "cheekSquintRight": 1.0},
}
"""Further names that `expression_code` takes: amounts of units that go together."""

# Relative to the largest singular value of the unit codes. A unit that no vertex of the
# face shows has the code zero; the ridge gives it the amount zero instead of a nan.
_RIDGE = 1e-4


@struct.dataclass
class Morphable:
    """A linear face model. Coefficients are in standard deviations.

    Attributes:
        mean: `[V, 3]`, the mean identity's neutral face.
        triangles: `[T, 3]` int32, counter-clockwise as seen from outside.
        identity: `[80, V, 3]`, what one deviation of each component adds.
        expression: `[64, V, 3]`, likewise; the zero code is the neutral face.
        albedo_mean: `[V, 3]`, RGB of the picture in [0, 1], not linearised.
        albedo: `[80, V, 3]`, what one deviation of each component adds.
        contour: `[17, C]` int32, the vertices among which each of the jaw's landmarks
            is chosen by the view; the first is the frontal view's, the others are in
            any order, and repeated to fill the row.
        inner: `[51]` int32, the vertices of the other landmarks (18 to 68, iBUG).
        unit_codes: `[U, 64]`, the expression coefficients of each named unit.
        unit_amounts: `[64, U]`, the linear way back: amounts of units from a code.
        camera: the camera that the frame was placed for.
        unit_names: what the U units are called.
    """

    mean: Array
    triangles: Array
    identity: Array
    expression: Array
    albedo_mean: Array
    albedo: Array
    contour: Array
    inner: Array
    unit_codes: Array
    unit_amounts: Array
    camera: Camera
    unit_names: tuple[str, ...] = struct.field(pytree_node=False)


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Morphable:
    """Builds a model from a file's arrays, after comparing their shapes.

    Args:
        arrays: of any float and integer types: mean, triangles, identity, expression,
            albedo_mean, albedo, contour, inner as `Morphable` has them, and `camera`
            `[2]` (focal length, distance). A model with named units has `unit_codes`
            too, and `unit_names` `[N]` uint8 from `encode_names`.

    Returns:
        The model; floats as float32, indices as int32.

    Raises:
        ValueError: they are no model (`face.morphable_arrays`); all that is wrong is
            listed.
    """
    if problems := morphable_arrays.problems(arrays):
        raise ValueError("not a morphable model: " + "; ".join(problems))
    values: dict[str, Any] = {
        name: np.asarray(arrays[name], np.float32) for name in FLOATS
    }
    values |= {name: np.asarray(arrays[name], np.int32) for name in INDICES}
    codes, unit_names = morphable_arrays.units(arrays)
    focal, distance = np.asarray(arrays["camera"], np.float32)
    values |= {
        "unit_codes": np.asarray(codes, np.float32),
        "unit_amounts": np.asarray(_ridge_inverse(codes), np.float32),
        "camera": Camera(focal, distance),
    }
    # Not `jnp.asarray`, which compiles a program for each shape.
    return Morphable(**jax.device_put(values), unit_names=unit_names)


def encode_names(names: tuple[str, ...]) -> np.ndarray:
    """`unit_names` as a file keeps them: uint8 bytes, for `from_arrays`."""
    return np.frombuffer("\n".join(names).encode(), np.uint8)


def vertices(model: Morphable, identity: Array, expression: Array) -> Array:
    """The face's geometry `[..., V, 3]` in the model frame, of coefficients `[..., 80]`
    and `[..., 64]`."""
    moved = _mix(identity, model.identity) + _mix(expression, model.expression)
    return model.mean + moved


def at_landmarks(model: Morphable, points: Sequence[int]) -> Morphable:
    """The model of some landmarks' vertices alone, of 17 to 67 (`core.ibug`)."""
    at = model.inner[np.array(points) - 17]
    return dataclasses.replace(
        model,
        mean=model.mean[at],
        identity=model.identity[:, at],
        expression=model.expression[:, at],
    )


def placed(theta: FaceParams, points: Array) -> Array:
    """Turns and moves points `[..., V, 3]` of the head to before the camera, as theta's
    rotation and translation say."""
    turned = rotations.rotate(rotations.matrix(theta.rotation), points)
    return turned + theta.translation[..., None, :]


def albedo(model: Morphable, reflectance: Array) -> Array:
    """The vertices' colours without light, `[..., V, 3]`, of `[..., 80]`: RGB of the
    picture, not linearised; unusual coefficients leave [0, 1]."""
    return model.albedo_mean + _mix(reflectance, model.albedo)


def expression_code(model: Morphable, amounts: Mapping[str, float | Array]) -> Array:
    """The coefficients of a mixture of named expressions; `[64]`.

    Args:
        model: a model with named units.
        amounts: how much of each unit or alias, 0 to 1; values may be traced.

    Raises:
        ValueError: a name that is neither a unit of the model nor an alias of its
            units.
    """
    code = jnp.zeros(model.unit_codes.shape[-1])
    for name, amount in amounts.items():
        for unit, share in units_of(model, name).items():
            index = model.unit_names.index(unit)
            code = code + amount * share * model.unit_codes[index]
    return code


def named_expression(model: Morphable, expression: Array) -> Array:
    """The amounts `[..., U]` of the named units that come nearest to coefficients
    `[..., 64]`.

    Linear, so amounts may come out below zero. Exact for mixtures of units that the
    face shows; a unit that it does not show (a tongue's) always has the amount zero.
    """
    return matmul(expression, model.unit_amounts)


def names(model: Morphable) -> tuple[str, ...]:
    """The names that `expression_code` knows for this model, units before aliases."""
    units = model.unit_names
    return units + tuple(a for a, mix in ALIASES.items() if mix.keys() <= set(units))


def units_of(model: Morphable, name: str) -> dict[str, float]:
    """The units that a name stands for, and how much of each.

    Raises:
        ValueError: a name that is neither a unit of the model nor an alias of its
            units.
    """
    if name not in names(model):
        raise ValueError(
            f"there is no expression {name!r}; choose among "
            f"{', '.join(names(model)) or 'none, for the model names none'}"
        )
    return ALIASES.get(name, {name: 1.0})


def _mix(coefficients: Array, basis: Array) -> Array:
    # Else an accelerator may round to bfloat16, which is half a pixel at 1024.
    return tensordot(coefficients, basis, axes=1)


def _ridge_inverse(codes: np.ndarray) -> np.ndarray:
    """`[64, U]`: amounts @ codes gives a code, code @ this gives the amounts back."""
    if not np.any(codes):
        return np.zeros_like(codes.T)
    left, values, right = np.linalg.svd(codes, full_matrices=False)
    damped = values / (values**2 + (_RIDGE * values[0]) ** 2)
    return (right.T * damped) @ left.T
