"""What became of an edit, in people's units."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.editing import edit
from pie_jax.editing.leaks import LEAKS, leaks, light_distance
from pie_jax.face.morphable import Morphable, named_expression
from pie_jax.face.render import render_vertices
from pie_jax.graphics import light
from pie_jax.losses.landmark import mean_distance
from pie_jax.workflows import measure
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Shot

ANGLES = ("pitch", "yaw", "roll")


def describe(editable: Editable, shot: Shot, request: Request) -> dict[str, Any]:
    """One edit for a JSON file.

    Errors and leaks are of the generator's own picture, before it was turned or put
    before the photograph's background; the recognition distance is of what is saved.

    Returns:
        `requested` and `achieved` (see `units`); `theta`, all numbers of the latter;
        `errors` by component: of the rotation
        in radians, of the expression in standard deviations and as the landmarks'
        distance to the target's, of the illumination as the length that no brightness
        explains; `recognition_distance` to the photograph, None without a network or a
        face; `leaks` of what was not asked for (`editing.leaks`).
    """
    components = request.components()
    pose = "rotation" in components or "roll" in request.amounts
    seen = shot.edited.theta
    turned = seen.rotation.at[:, 2].add(shot.turned)
    achieved = dataclasses.replace(seen, rotation=turned)
    compiled = editable.functions.programs.compiled(
        leaks, "leaks", lambda *_: dict.fromkeys(LEAKS, 0)
    )
    found = compiled(editable.model, editable.before.theta, seen)
    return {
        "requested": units(editable.model, shot.target),
        "achieved": units(editable.model, achieved),
        "theta": {
            name: np.asarray(getattr(achieved, name)[0], float).round(6).tolist()
            for name in SIZES
        },
        "errors": _errors(editable.model, achieved, shot.target, components, pose),
        "recognition_distance": measure.recognition_distance(
            shot.picture_u8, editable.portrait, editable.stack
        ),
        "leaks": {
            name: _rounded(value[0])
            for name, value in found.items()
            if name not in components
        },
    }


def units(model: Morphable, theta: FaceParams) -> dict[str, Any]:
    """Pose in degrees, amounts of named expressions, and where the light comes from.

    Args:
        model: the face model.
        theta: `[1]`.
    """
    degrees = np.rad2deg(theta.rotation[0])
    amounts = named_expression(model, theta.expression[0])
    azimuth, elevation = light.direction(theta.illumination[0])
    constant = theta.illumination[0, :3]
    lit = {
        "azimuth": np.rad2deg(azimuth),
        "elevation": np.rad2deg(elevation),
        "strength": light.strength(theta.illumination[0]),
    }
    return {
        "degrees": dict(zip(ANGLES, map(_rounded, degrees), strict=True)),
        "expressions": {
            k: _rounded(x) for k, x in zip(model.unit_names, amounts, strict=True)
        },
        "light": {k: _rounded(x) for k, x in lit.items()}
        | {"colour": [_rounded(x) for x in constant]},
    }


def landmarks(model: Morphable, theta: FaceParams) -> Array:
    """`[B, 68, 2]` in fractions of the frame."""
    return render_vertices(model, theta, 1, occlusion=False).landmarks


def beyond(
    component: str, outside: np.ndarray, low: np.ndarray, high: np.ndarray
) -> str:
    """Says what is beyond the range that a rig was trained on.

    Args:
        component: one of `core.theta.COMPONENTS`.
        outside: `[n]` bool, which numbers of it are.
        low: `[n]`.
        high: `[n]`.
    """
    if component != "rotation":
        return (
            f"{component}: {outside.sum()} of {len(outside)} numbers are beyond what "
            "the rig was trained on"
        )
    ranges = zip(ANGLES, np.rad2deg(low), np.rad2deg(high), outside, strict=True)
    said = [f"{name} {a:.0f} to {b:.0f} degrees" for name, a, b, bad in ranges if bad]
    return f"the rig was trained on {', '.join(said)}, and this is beyond"


def _errors(
    model: Morphable,
    achieved: FaceParams,
    target: FaceParams,
    components: Any,
    pose: bool,
) -> dict[str, float]:
    found = {}
    if pose:
        found["rotation"] = edit.error(achieved, target, "rotation")
    if "expression" in components:
        found["expression"] = edit.error(achieved, target, "expression")
        aim = dataclasses.replace(achieved, expression=target.expression)
        ends = (landmarks(model, theta) for theta in (achieved, aim))
        found["expression_landmarks"] = mean_distance(*ends)
    if "illumination" in components:
        found["illumination"] = light_distance(
            target.illumination, achieved.illumination
        )
    return {name: _rounded(value[0]) for name, value in found.items()}


def _rounded(value: Any) -> float:
    return round(float(jnp.asarray(value)), 6)
