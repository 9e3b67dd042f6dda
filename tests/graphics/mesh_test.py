import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import rotations
from pie_jax.graphics import mesh
from tests import builders, checks


def random_mesh(*batch, num_vertices=8, num_triangles=11):
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(*batch, num_vertices, 3)).astype(np.float32)
    triangles = [rng.permutation(num_vertices)[:3] for _ in range(num_triangles)]
    return vertices, np.asarray(triangles, np.int32)


def slow_normals(vertices, triangles):
    sums = np.zeros_like(vertices)
    for i, j, k in triangles:
        a, b = vertices[j] - vertices[i], vertices[k] - vertices[i]
        twice_area = np.linalg.norm(np.cross(a, b))
        for corner in (i, j, k):
            sums[corner] += twice_area * np.cross(a, b) / twice_area
    return sums / np.linalg.norm(sums, axis=-1, keepdims=True)


def test_vertex_normals_agree_with_loops_and_turn_with_the_mesh():
    vertices, triangles = random_mesh()
    result = mesh.vertex_normals(vertices, triangles)
    chex.assert_shape(result, (8, 3))
    chex.assert_type(result, jnp.float32)
    np.testing.assert_allclose(result, slow_normals(vertices, triangles), atol=1e-5)
    matrix = rotations.matrix(jnp.asarray([0.5, -1.0, 2.0]))
    moved = rotations.rotate(matrix, vertices) + 3
    np.testing.assert_allclose(
        mesh.vertex_normals(moved, triangles),
        rotations.rotate(matrix, result),
        atol=1e-5,
    )


def test_mapped_meshes_give_what_single_ones_give_with_their_gradient():
    vertices, triangles = random_mesh(2, 3)
    checks.assert_maps(
        lambda one: mesh.vertex_normals(one, triangles), vertices, axes=2, batched=True
    )
    vertices, triangles = random_mesh()
    checks.assert_gradient(
        lambda x: jnp.sum(jnp.sin(2 * mesh.vertex_normals(x, triangles))), vertices
    )


def test_a_triangles_normal_is_twice_its_area_and_zero_without_any():
    vertices = jnp.asarray([[0.0, 0, 0], [3, 0, 0], [0, 2, 0]])
    normal = mesh.triangle_normals(vertices, jnp.asarray([[0, 1, 2]]))
    np.testing.assert_allclose(normal, [[0, 0, 6]])
    vertices, triangles = builders.icosphere(3)
    normals = mesh.vertex_normals(jnp.asarray(vertices, jnp.float32), triangles)
    np.testing.assert_allclose(normals, vertices, atol=0.02)

    vertices = jnp.asarray([[0.0, 0, 0], [1, 1, 1], [2, 2, 2], [5, 0, 0]])
    triangles = jnp.asarray([[0, 1, 2], [1, 1, 3]])
    normals, gradient = jax.value_and_grad(
        lambda x: jnp.sum(mesh.vertex_normals(x, triangles))
    )(vertices)
    assert normals == 0
    chex.assert_tree_all_finite(gradient)
