"""The head's pose from landmarks: where the face's own shape puts them best.

The perspective-n-point problem, by Gauss-Newton steps from an estimate.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.numerics import matmul
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable, at_landmarks, placed, vertices
from pie_jax.graphics.camera import project

POINTS = (*range(17, 37), 39, 42, 45, 48, 54)
"""Of the 68 landmarks: brows, nose, corners of the eyes and of the mouth. The jaw's are
no points of the head; lids and lips move, their corners less than the rest of them, and
without the mouth's nothing below the nose would tell the pitch."""
_STEPS = 6
_DAMPING = 1e-6  # of the mean square of the derivatives


def solve(model: Morphable, theta: FaceParams, landmarks: Array) -> FaceParams:
    """The pose in which a face's landmarks lie nearest to those of a picture.

    Args:
        model: its camera is the picture's.
        theta: `[B]`: identity and expression are the face's; rotation and translation
            are where the search begins, and must be within about 40 degrees.
        landmarks: `[B, 68, 2]` in fractions of the frame (`core.ibug`).

    Returns:
        `[B]`, theta with another rotation and translation; those it had where the
        search ends no nearer to the landmarks, as with some that are not finite.
    """
    rigid = at_landmarks(model, POINTS)

    def one(theta: FaceParams, seen: Array) -> FaceParams:
        points = vertices(rigid, theta.identity, theta.expression)

        def there(pose: Array) -> FaceParams:
            return dataclasses.replace(theta, rotation=pose[:3], translation=pose[3:])

        def missed(pose: Array) -> Array:
            shown = project(placed(there(pose), points), model.camera, 1)
            return (shown - seen).ravel()

        start = pose = jnp.concatenate([theta.rotation, theta.translation])
        for _ in range(_STEPS):
            pose = pose - _step(jax.jacfwd(missed)(pose), missed(pose))
        nearer = jnp.sum(missed(pose) ** 2) < jnp.sum(missed(start) ** 2)
        return there(jnp.where(nearer, pose, start))

    return jax.vmap(one)(theta, landmarks[:, np.array(POINTS)])


def _step(slope: Array, value: Array) -> Array:
    square = matmul(slope.T, slope)
    damping = _DAMPING * jnp.trace(square) * jnp.eye(len(square))
    return jnp.linalg.solve(square + damping, matmul(slope.T, value))
