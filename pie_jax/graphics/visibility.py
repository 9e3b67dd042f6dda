"""Which vertices of a mesh the camera sees."""

import jax
import jax.numpy as jnp
from jax import Array, lax

from pie_jax.graphics.camera import Camera, depth, directions, project

_CELLS = 64
"""Columns and rows of the depth map: 4 mm of a head, about a triangle's size."""

_TOLERANCE = 0.1
"""A centimetre: less than a nose stands out, more than skin bends within a cell."""

_LEAST_COSINE = 0.3
"""A surface seen at a flatter angle than this gets no more tolerance. With 0.1, most of
what a nose hides in half profile passes as visible; with 0.5, what is seen is lost."""


def facing(points: Array, normals: Array, camera: Camera) -> Array:
    """Vertices whose outside is turned to the camera: `[..., V]` in {0, 1}, without a
    gradient, of points and normals `[..., V, 3]`."""
    cosine = jnp.sum(normals * directions(points, camera), axis=-1)
    return (cosine > 0).astype(points.dtype)


def unoccluded(
    points: Array, normals: Array, triangles: Array, camera: Camera
) -> Array:
    """Vertices inside the picture with nothing before them: `[..., V]` in {0, 1},
    without a gradient.

    What is nearest is looked up in a coarse depth map of points on the mesh: vertices,
    middles of edges and of triangles. For an energy that is exact enough; unlike a
    rasteriser it is parallel, and takes half a millisecond for 4600 vertices.

    Args:
        points: `[..., V, 3]`, in decimetres, as they stand before the camera.
        normals: `[..., V, 3]`, unit vectors.
        triangles: `[T, 3]` int32.
    """

    def single(points: Array, normals: Array) -> Array:
        behind = depth(points, camera) - _nearest(points, triangles, camera)
        return (behind < _tolerance(points, normals, camera)).astype(points.dtype)

    for _ in points.shape[:-2]:
        single = jax.vmap(single)
    return single(*lax.stop_gradient((points, normals)))


def _nearest(points: Array, triangles: Array, camera: Camera) -> Array:
    """Least depth in the cell of each vertex, -inf outside the picture; `[V]`."""
    corners = points[triangles]
    samples = [points, corners.mean(axis=1)]
    samples += [(corners[:, k] + corners[:, k - 1]) / 2 for k in range(3)]
    surface = jnp.concatenate(samples)
    cells = _cells(surface, camera)
    empty = jnp.full((_CELLS, _CELLS), jnp.inf, points.dtype)
    nearest = empty.at[cells].min(depth(surface, camera), mode="drop")
    return nearest.at[_cells(points, camera)].get(mode="fill", fill_value=-jnp.inf)


def _cells(points: Array, camera: Camera) -> tuple[Array, Array]:
    """Column and row of the depth map, `_CELLS` outside the picture; each `[V]`."""
    places = project(points, camera, _CELLS)
    inside = jnp.all((places >= 0) & (places < _CELLS), axis=-1)
    column, row = jnp.moveaxis(places.astype(jnp.int32), -1, 0)
    return jnp.where(inside, column, _CELLS), jnp.where(inside, row, _CELLS)


def _tolerance(points: Array, normals: Array, camera: Camera) -> Array:
    """How far behind the nearest point of its cell a vertex may lie; `[V]`.

    A slanting surface covers a range of depths within one cell.
    """
    cosine = jnp.sum(normals * directions(points, camera), axis=-1)
    slope = jnp.sqrt(jnp.maximum(1 - cosine**2, 0)) / jnp.maximum(cosine, _LEAST_COSINE)
    diagonal = 2**0.5 * depth(points, camera) / (camera.focal * _CELLS)
    return _TOLERANCE + slope * diagonal
