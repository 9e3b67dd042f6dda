"""Normals of triangle meshes.

Convention: the corners of a triangle run counter-clockwise as seen from outside.
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import unit


def triangle_normals(vertices: Array, triangles: Array) -> Array:
    """Outward normals `[..., T, 3]` of triangles, as long as twice their area; of
    vertices `[..., V, 3]` and their indices `[T, 3]` int32."""
    corners = vertices[..., triangles, :]
    first = corners[..., 0, :]
    return jnp.cross(corners[..., 1, :] - first, corners[..., 2, :] - first)


def vertex_normals(vertices: Array, triangles: Array) -> Array:
    """Unit normals `[..., V, 3]` of the vertices: means over their triangles (`[T, 3]`
    int32), weighted by area; zero for a vertex without any triangle of positive area.

    The sum is a scatter. Sums over a padded table of each vertex's triangles, for the
    gradient too, are no faster with XLA's CPU backend.
    """
    weighted = triangle_normals(vertices, triangles)[..., None, :]
    return unit(jnp.zeros_like(vertices).at[..., triangles, :].add(weighted))
