"""What landmarks tell of an expression that a portrait did not have before.

An estimator that learnt from a generator's samples hardly knows the expressions that
these do not show (docs/measurements.md), and landmarks move with them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.ibug import OUTER_EYES, SIXTY_SIX
from pie_jax.core.numerics import matmul, norm
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable, at_landmarks, placed, vertices
from pie_jax.graphics.camera import project

POINTS = tuple(i for i in SIXTY_SIX if i >= 17)
"""Of the 68 landmarks: all but the jaw's, which lie where the outline is."""
NOISE = 0.01
"""By how much landmarks are off, in distances of the eyes."""
LIKELY = 0.5
"""The deviation of amounts of units; where none have names, of coefficients."""


def solve(
    model: Morphable, own: FaceParams, before: Array, theta: FaceParams, after: Array
) -> FaceParams:
    """The expression after an edit: theta's, and what else moved the landmarks.

    The likeliest amounts of the model's named units (of its coefficients, where it has
    none), a ridge regression. What of the portrait's landmarks its theta does not explain
    is taken to be its shape.

    Args:
        model: its camera is the pictures'.
        own: `[B]`, the portrait's, of about the same pose.
        before: `[B, 68, 2]`, the portrait's landmarks, in fractions of the frame.
        theta: `[B]`, as it is estimated after the edit.
        after: `[B, 68, 2]`.

    Returns:
        `[B]`, theta with another expression; as it was where landmarks are not finite.
    """
    part = at_landmarks(model, POINTS)
    named = len(model.unit_names) > 0
    units = model.unit_codes if named else jnp.eye(len(model.expression))

    def shown(face: FaceParams, amounts: Array) -> Array:
        expression = face.expression + matmul(amounts, units)
        points = placed(face, vertices(part, face.identity, expression))
        return _centred(project(points, model.camera, 1))

    def one(own: FaceParams, before: Array, theta: FaceParams, after: Array) -> Array:
        none = jnp.zeros(len(units))
        eyes = norm(before[OUTER_EYES[0]] - before[OUTER_EYES[1]])
        moved = _centred(after[np.array(POINTS)]) - _centred(before[np.array(POINTS)])
        off = (moved - (shown(theta, none) - shown(own, none))).ravel()
        slope = jax.jacfwd(lambda x: shown(theta, x).ravel())(none)
        square = matmul(slope.T, slope) / (NOISE * eyes) ** 2
        amounts = jnp.linalg.solve(
            square + jnp.eye(len(units)) / LIKELY**2,
            matmul(slope.T, off) / (NOISE * eyes) ** 2,
        )
        there = theta.expression + matmul(amounts, units)
        return jnp.where(jnp.all(jnp.isfinite(there)), there, theta.expression)

    found = jax.vmap(one)(own, before, theta, after)
    return dataclasses.replace(theta, expression=found)


def _centred(points: Array) -> Array:
    return points - jnp.mean(points, axis=-2, keepdims=True)
