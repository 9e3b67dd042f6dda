"""Pictures of heads that a landmark detector takes for faces: eyes, lips, dark mouth."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import ndimage

from experiments.morphable import frame
from experiments.morphable.region import Region
from pie_jax.graphics.mesh import vertex_normals
from pie_jax.graphics.rasterize import interpolate, rasterize

PIXELS = 640
_SKIN = np.array([0.80, 0.62, 0.53])
_LIPS = np.array([0.62, 0.36, 0.34])
_WHITE, _IRIS = np.array([0.92, 0.92, 0.92]), np.array([0.16, 0.11, 0.08])
_INSIDE = np.array([0.16, 0.08, 0.08])
_BACKGROUND = np.array([0.35, 0.35, 0.35])
_LIGHT, _AMBIENT = np.array([0.0, 0.4, 0.9]), 0.45
# How far before an eyeball's centre the iris begins, in its radii.
_IRIS_BEGINS = 0.86


class Portrait(NamedTuple):
    """A rendered head."""

    picture: np.ndarray
    """`[S, S, 3]` uint8."""
    points: np.ndarray
    """`[V + E, 2]` projected vertices in pixels."""
    corners: np.ndarray
    """`[S, S, 3]`, those of the triangle that a pixel shows; -1 where there is none."""
    weights: np.ndarray
    """`[S, S, 3]`, barycentric."""


def portray(
    region: Region, vertices: np.ndarray, lips: np.ndarray, distance: float
) -> Portrait:
    """Renders a head `[V + E, 3]` in the model's frame, turned already; `lips` and
    `distance` are those of a `marking.Studio`."""
    points = PIXELS * frame.project(vertices, distance)
    triangles = np.concatenate([region.triangles, region.eyeballs])
    depth, corners = distance - vertices[:, 2], jnp.asarray(triangles)
    raster = rasterize(jnp.asarray(points), jnp.asarray(depth), corners, PIXELS)
    lit = _shading(vertices, triangles) * _colours(region, vertices, lips)
    picture = np.array(interpolate(raster, jnp.asarray(lit), corners))
    hit = np.asarray(raster.triangle) >= 0
    picture[~hit] = _BACKGROUND
    picture[ndimage.binary_fill_holes(hit) & ~hit] = _INSIDE
    shown = np.where(hit[..., None], triangles[np.asarray(raster.triangle)], -1)
    picture_u8 = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
    return Portrait(picture_u8, points, shown, np.asarray(raster.barycentric))


def _shading(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """`[V + E, 1]`: light from above the viewer."""
    normals = np.asarray(vertex_normals(jnp.asarray(vertices), jnp.asarray(triangles)))
    light = _LIGHT / np.linalg.norm(_LIGHT)
    return _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ light, 0, None)[:, None]


def _colours(region: Region, vertices: np.ndarray, lips: np.ndarray) -> np.ndarray:
    skin = _SKIN + lips[:, None] * (_LIPS - _SKIN)
    balls = vertices[region.num_vertices :].reshape(2, -1, 3)  # one after the other
    ahead = balls[..., 2] - balls[..., 2].mean(1, keepdims=True)
    iris = ahead > _IRIS_BEGINS * ahead.max(1, keepdims=True)
    colours = np.where(iris.reshape(-1, 1), _IRIS, _WHITE)
    return np.concatenate([skin, colours])
