"""Normals of triangle meshes.

Convention: the corners of a triangle run counter-clockwise as seen from outside.
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import unit


def triangle_normals(vertices: Array, triangles: Array) -> Array:
    """Outward normals of the triangles, as long as twice their area.

    Args:
        vertices: `[..., V, 3]`.
        triangles: `[T, 3]` int32, vertices of each triangle.

    Returns:
        `[..., T, 3]`.
    """
    corners = vertices[..., triangles, :]
    first = corners[..., 0, :]
    return jnp.cross(corners[..., 1, :] - first, corners[..., 2, :] - first)


def vertex_normals(vertices: Array, triangles: Array) -> Array:
    """Unit normals of the vertices: means over their triangles, weighted by area.

    The sum is a scatter. Sums over a padded table of each vertex's triangles, for the
    gradient too, are no faster with XLA's CPU backend.

    Args:
        vertices: `[..., V, 3]`.
        triangles: `[T, 3]` int32.

    Returns:
        `[..., V, 3]`; zero for a vertex without any triangle of positive area.
    """
    weighted = triangle_normals(vertices, triangles)[..., None, :]
    return unit(jnp.zeros_like(vertices).at[..., triangles, :].add(weighted))
