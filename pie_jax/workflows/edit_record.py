"""What became of an edit, in people's units."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
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

    Errors and leaks are of the generator's picture, recoloured, before it was turned or
    put before the photograph's background; the recognition distance is of what is saved.

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
    turned = np.array(seen.rotation)
    turned[:, 2] += np.float32(shot.turned)
    achieved = dataclasses.replace(seen, rotation=jax.device_put(turned))
    errors = _errors(editable, achieved, shot.target, components, pose)
    compiled = editable.functions.programs.compiled(
        leaks, "leaks", lambda *_: dict.fromkeys(LEAKS, 0)
    )
    found = compiled(editable.model, editable.before.theta, seen)
    return {
        "requested": units(editable, shot.target),
        "achieved": units(editable, achieved),
        "theta": {
            name: np.asarray(getattr(achieved, name), float)[0].round(6).tolist()
            for name in SIZES
        },
        "errors": errors,
        "recognition_distance": measure.recognition_distance(
            shot.picture_u8, editable.portrait, editable.stack
        ),
        "leaks": {
            name: _rounded(np.asarray(value)[0])
            for name, value in found.items()
            if name not in components
        },
    }


def units(editable: Editable, theta: FaceParams) -> dict[str, Any]:
    """Pose in degrees, amounts of named expressions, and where the light comes from.

    Args:
        editable: its face model knows the expressions.
        theta: `[1]`.
    """
    model = editable.model
    compiled = editable.functions.programs.compiled(
        _of_theta, "units", lambda *_: (0, (0, 0), 0), one_by_one=True
    )
    degrees = np.rad2deg(np.asarray(theta.rotation)[0])
    told = jax.tree.map(np.asarray, compiled(model, theta))
    amounts, (azimuth, elevation), strength = told
    constant = np.asarray(theta.illumination)[0, :3]
    lit = {
        "azimuth": np.rad2deg(azimuth),
        "elevation": np.rad2deg(elevation),
        "strength": strength,
    }
    return {
        "degrees": dict(zip(ANGLES, map(_rounded, degrees), strict=True)),
        "expressions": {
            k: _rounded(x) for k, x in zip(model.unit_names, amounts, strict=True)
        },
        "light": {k: _rounded(x) for k, x in lit.items()}
        | {"colour": [_rounded(x) for x in constant]},
    }


def _of_theta(model: Morphable, theta: FaceParams) -> Any:
    expression, illumination = theta.expression[0], theta.illumination[0]
    amounts = named_expression(model, expression)
    return amounts, light.direction(illumination), light.strength(illumination)


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
    editable: Editable,
    achieved: FaceParams,
    target: FaceParams,
    components: Sequence[str],
    pose: bool,
) -> dict[str, float]:
    asked = [
        *components,
        *(["rotation"] if pose and "rotation" not in components else []),
    ]
    found: dict[str, Array] = {}
    for component in asked:
        names = _ERRORS[component]
        compiled = editable.functions.programs.compiled(
            partial(_error, component),
            f"error of {component}",
            lambda *_, names=names: dict.fromkeys(names, 0),
            one_by_one=True,
        )
        found |= compiled(editable.model, achieved, target)
    return {
        name: _rounded(np.asarray(found[name])[0])
        for names in _ERRORS.values()
        for name in names
        if name in found
    }


_ERRORS = {
    "rotation": ("rotation",),
    "expression": ("expression", "expression_landmarks"),
    "illumination": ("illumination",),
}
"""Names of errors by component, in the order in which they are told."""


def _error(
    component: str, model: Morphable, achieved: FaceParams, target: FaceParams
) -> dict[str, Array]:
    if component == "illumination":
        lights = target.illumination, achieved.illumination
        return {"illumination": light_distance(*lights)}
    found = {component: edit.error(achieved, target, component)}
    if component == "expression":
        aim = dataclasses.replace(achieved, expression=target.expression)
        ends = (landmarks(model, theta) for theta in (achieved, aim))
        found["expression_landmarks"] = mean_distance(*ends)
    return found


def _rounded(value: Any) -> float:
    return round(float(np.asarray(value, np.float32)), 6)
