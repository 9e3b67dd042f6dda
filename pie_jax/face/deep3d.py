"""What Deep3DFaceRecon's network says of a face, as theta in our conventions.

Theirs: v' = Rz Ry Rx v + t in decimetres, about the middle of the mean face; a camera at
z = 10 that looks along -z. x is to the viewer's right, y up, z towards the viewer. The
light's nine coefficients for each colour belong to harmonics of the normal whose x and
y are turned round, with other factors than ours; 0.8 is added to the constant one.
Their published code projects to pixels counted upwards, u = 1015 x / z + 112, and
mirrors rows as 223 - v: so the axis meets the crop's middle, where four pixels touch.

Their camera is ours turned down (see `networks.deep3d`): what is a head's pose before
theirs is turned likewise before ours, and so is the light.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.numerics import matmul
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.graphics import shading
from pie_jax.networks.deep3d import TILT, Coefficients

DISTANCE = 10.0
"""Of their camera from their origin, in decimetres."""
AMBIENT = 0.8
"""What is added to each colour's constant coefficient."""

_FACTORS = math.pi * np.sqrt([1, *[3] * 3, *[8] * 5])
"""Their harmonics' by order, over those that shade in our renderer."""


def theta(model: Morphable, coefficients: Coefficients) -> FaceParams:
    """The same faces `[...]` before our camera, in the same place, pose and light.

    `model` is the face model `bfm_front`, which the coefficients are of: all of its
    vertices, for their mean is Deep3DFaceRecon's origin.
    """
    pitch, yaw, roll = jnp.moveaxis(coefficients.angles, -1, 0)
    own = rotations.matrix(jnp.stack([-pitch, yaw, roll], axis=-1))
    turn = rotations.matrix(jnp.asarray([TILT, 0.0, 0.0]))
    matrix = matmul(turn, own)
    behind = coefficients.translation - jnp.asarray([0, 0, DISTANCE])
    origin = model.mean.mean(axis=0)
    translation = (
        rotations.rotate(turn, behind[..., None, :])[..., 0, :]
        - rotations.rotate(matrix, origin[None])[..., 0, :]
        + jnp.stack([0.0, 0.0, model.camera.distance])
    )
    return FaceParams(
        rotation=rotations.euler(matrix),
        translation=translation,
        identity=coefficients.identity,
        reflectance=coefficients.texture,
        expression=coefficients.expression,
        illumination=_illumination(coefficients.light),
    )


def _illumination(light: Array) -> Array:
    """`[..., 27]`, a flattened (9, 3), from theirs, a flattened (3, 9)."""
    colours = light.reshape(*light.shape[:-1], 3, 9).at[..., 0].add(AMBIENT)
    ours = matmul(colours, jnp.asarray(_exchange(), light.dtype))
    return jnp.swapaxes(ours, -1, -2).reshape(light.shape)


def _exchange() -> np.ndarray:
    """`[9, 9]`: their coefficients @ this are ours, solved for from directions."""
    normals = np.random.default_rng(0).normal(size=(30, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sine, cosine = math.sin(TILT), math.cos(TILT)
    back = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    theirs = _shades(normals @ back.T * [-1, -1, 1]) * _FACTORS
    return np.linalg.lstsq(_shades(normals), theirs, rcond=None)[0].T


def _shades(normals: np.ndarray) -> np.ndarray:
    """`[N, 9]`: how each of our coefficients, 1 alone, shades normals `[N, 3]`."""
    with jax.ensure_compile_time_eval():
        alone = jnp.asarray(np.kron(np.eye(9), np.ones(3)))
        return np.asarray(shading.shade(jnp.asarray(normals), alone))[..., 0].T
