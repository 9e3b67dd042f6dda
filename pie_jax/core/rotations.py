"""Head rotations as Euler angles or matrices.

Convention: x to the viewer's right, y up, z towards the viewer, column vectors.
`rotation` is (pitch, yaw, roll) in radians with R = Rz(roll) Ry(yaw) Rx(-pitch), Rx, Ry
and Rz right-handed. So positive pitch looks up, positive yaw turns the nose to the
viewer's right, positive roll turns the head counter-clockwise as the viewer sees it.
Mirroring an image left to right negates yaw and roll.
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import einsum, norm

_GIMBAL_LOCK = 1e-5
"""Cosine of the yaw below which only the sum or difference of pitch and roll is
determined: in float32 the entries that tell them apart are rounding errors there."""


def matrix(rotation: Array) -> Array:
    """The matrices `[..., 3, 3]` of (pitch, yaw, roll) in radians, `[..., 3]`."""
    sines, cosines = jnp.sin(rotation), jnp.cos(rotation)
    sp, sy, sr = (sines[..., i] for i in range(3))
    cp, cy, cr = (cosines[..., i] for i in range(3))
    # Multiplied out: a product of matrices may be rounded to TF32 or bfloat16.
    rows = [
        [cr * cy, -cr * sy * sp - sr * cp, cr * sy * cp - sr * sp],
        [sr * cy, -sr * sy * sp + cr * cp, sr * sy * cp + cr * sp],
        [-sy, -cy * sp, cy * cp],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def euler(matrix: Array) -> Array:
    """(pitch, yaw, roll) `[..., 3]` in radians of rotation matrices `[..., 3, 3]`.

    Yaw is in [-pi / 2, pi / 2]. Where it is a right angle, infinitely many angles give
    the same matrix; of these the one without roll is returned.
    """
    cos_yaw = norm(matrix[..., :2, 0])
    locked = cos_yaw < _GIMBAL_LOCK
    yaw = jnp.arctan2(-matrix[..., 2, 0], cos_yaw)
    # Without roll, the middle row of the matrix is (0, cos pitch, sin pitch).
    pitch = jnp.where(
        locked,
        jnp.arctan2(matrix[..., 1, 2], matrix[..., 1, 1]),
        _arctan2_or_0(-matrix[..., 2, 1], matrix[..., 2, 2], locked),
    )
    roll = _arctan2_or_0(matrix[..., 1, 0], matrix[..., 0, 0], locked)
    return jnp.stack([pitch, yaw, roll], axis=-1)


def _arctan2_or_0(y: Array, x: Array, undefined: Array) -> Array:
    """arctan2, and 0 with gradient 0 where both arguments may be 0."""
    return jnp.arctan2(jnp.where(undefined, 0, y), jnp.where(undefined, 1, x))


def rotate(matrix: Array, points: Array) -> Array:
    """Turns points `[..., V, 3]` by matrices `[..., 3, 3]`."""
    # At an accelerator's default precision a vertex would move by half a pixel.
    return einsum("...ij,...vj->...vi", matrix, points)


def angle(a: Array, b: Array) -> Array:
    """The angle `[...]` in [0, pi] that takes rotation `a` to `b`, matrices
    `[..., 3, 3]`.

    Where they are equal or half a turn apart, the angle has a kink. There its gradient
    is 0 or, as rounding has it, that of one side: finite, as everywhere.
    """
    between = einsum("...ki,...kj->...ij", a, b)
    # Twice the axis times the sine. An arccosine of the trace alone would have an
    # infinite slope at equal matrices, and no accuracy near them.
    doubled = jnp.stack(
        [
            between[..., 2, 1] - between[..., 1, 2],
            between[..., 0, 2] - between[..., 2, 0],
            between[..., 1, 0] - between[..., 0, 1],
        ],
        axis=-1,
    )
    return jnp.arctan2(norm(doubled), jnp.trace(between, axis1=-2, axis2=-1) - 1)
