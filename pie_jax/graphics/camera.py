"""A perspective camera on the z axis that looks along -z.

Convention: model units are decimetres, x to the viewer's right, y up, z towards the
camera. Pixel coordinates are (x right, y down) with the image's corner at (0, 0), so
pixel centres are at .5.
"""

import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.numerics import unit

NEAR = 0.1
"""Nothing is nearer to the camera than this, in decimetres: what would be, or would be
behind it, is treated as if it were there, so that no division by 0 occurs."""


@struct.dataclass
class Camera:
    """Where the camera stands and how much it sees.

    Attributes:
        focal: scalar, focal length in image widths.
        distance: scalar, the camera is at (0, 0, distance), in decimetres.
    """

    focal: Array
    distance: Array


def distance(points: Array, camera: Camera) -> Array:
    """Distance `[..., V]` of points `[..., V, 3]` from the camera along its axis,
    negative behind it."""
    return camera.distance - points[..., 2]


def depth(points: Array, camera: Camera) -> Array:
    """`distance` as one can divide by it: at least `NEAR`."""
    return jnp.maximum(distance(points, camera), NEAR)


def project(points: Array, camera: Camera, resolution: int) -> Array:
    """Projects points `[..., V, 3]` to pixels `[..., V, 2]` of a square image of
    `resolution` pixels; inside the image they are in [0, resolution]."""
    scale = camera.focal / depth(points, camera)[..., None]
    flipped = points[..., :2] * jnp.asarray([1.0, -1.0], points.dtype)
    return (0.5 + scale * flipped) * resolution


def directions(points: Array, camera: Camera) -> Array:
    """Unit vectors from points `[..., V, 3]` to the camera."""
    return unit(jnp.stack([0.0, 0.0, camera.distance]).astype(points.dtype) - points)
