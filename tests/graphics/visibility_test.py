import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.graphics import mesh, visibility
from pie_jax.graphics.camera import Camera
from tests import builders, checks

CAMERA = Camera(focal=jnp.float32(4.5), distance=jnp.float32(15))
CENTRES = np.asarray([[-0.2, 0.1, 0.0], [0.4, 0.1, 2.0]])
RADII = np.asarray([1.0, 0.35])
UNOCCLUDED = jax.jit(visibility.unoccluded)


def two_spheres(subdivisions=4):
    """A head behind a ball: vertices, normals, triangles, which sphere each is on."""
    vertices, triangles = builders.icosphere(subdivisions)
    count = len(vertices)
    placed = np.concatenate(
        [c + r * vertices for c, r in zip(CENTRES, RADII, strict=True)]
    )
    normals = np.concatenate([vertices, vertices]).astype(np.float32)
    both = np.concatenate([triangles, triangles + count])
    return placed.astype(np.float32), normals, both, np.repeat([0, 1], count)


def distance_from_ray(points, centre):
    """How far from a point the rays from the camera to other points pass."""
    camera = np.asarray([0, 0, 15.0])
    along = points - camera
    along = along / np.linalg.norm(along, axis=-1, keepdims=True)
    return np.linalg.norm(np.cross(centre - camera, along), axis=-1)


def test_the_cap_before_the_tangents_faces_the_camera_and_hides_what_it_covers():
    vertices, triangles = builders.icosphere(3)
    vertices = vertices.astype(np.float32)
    normals = mesh.vertex_normals(vertices, triangles)
    result = visibility.facing(vertices, normals, CAMERA)
    chex.assert_shape(result, (len(vertices),))
    chex.assert_type(result, jnp.float32)
    # From the distance d the tangents touch a unit sphere at z = 1 / d.
    clear = np.abs(vertices[:, 2] - 1 / 15) > 0.01
    expected = vertices[:, 2] > 1 / 15
    np.testing.assert_array_equal(np.asarray(result)[clear], expected[clear])

    points, normals, triangles, sphere = two_spheres()
    result = UNOCCLUDED(points, normals, triangles, CAMERA)
    front = np.asarray(visibility.facing(points, normals, CAMERA)) == 1
    gap = distance_from_ray(points, CENTRES[1]) - RADII[1]
    clear = np.abs(gap) > 0.06  # a cell of the depth map
    behind = front & (sphere == 0) & clear
    assert 50 < np.sum(behind & (gap < 0)) < np.sum(behind) - 50
    np.testing.assert_array_equal(np.asarray(result)[behind], gap[behind] > 0)
    np.testing.assert_array_equal(np.asarray(result)[front & (sphere == 1)], 1)


def test_the_back_of_a_sphere_is_hidden_and_what_is_outside_the_picture():
    vertices, triangles = builders.icosphere(4)
    vertices = vertices.astype(np.float32)
    result = UNOCCLUDED(vertices, vertices, triangles, CAMERA)
    np.testing.assert_array_equal(np.asarray(result)[vertices[:, 2] < -0.5], 0)
    np.testing.assert_array_equal(np.asarray(result)[vertices[:, 2] > 0.2], 1)

    vertices, triangles = builders.icosphere(3)
    points = (vertices + [1.7, 0, 0]).astype(np.float32)
    result = UNOCCLUDED(points, vertices, triangles, CAMERA)
    x = 0.5 + 4.5 * points[:, 0] / (15 - points[:, 2])
    assert np.any(x < 1) and np.any(x > 1)
    assert not np.any(np.asarray(result)[x >= 1])
    assert np.all(np.asarray(result)[(x < 0.99) & (vertices[:, 2] > 0.5)])


def test_mapped_meshes_give_what_single_ones_give_without_a_gradient_or_nan():
    points, normals, triangles, _ = two_spheres(2)
    points = points + np.linspace(-0.5, 0.5, 4, dtype="f").reshape(2, 2, 1, 1)
    normals = np.broadcast_to(normals, points.shape)

    def function(*x):
        return visibility.unoccluded(*x, triangles, CAMERA)

    checks.assert_maps(function, points, normals, axes=2, batched=True)

    points, normals, triangles, _ = two_spheres(2)

    @jax.jit
    def total(points, normals):
        return jnp.sum(
            visibility.facing(points, normals, CAMERA)
            * visibility.unoccluded(points, normals, triangles, CAMERA)
        )

    gradient = jax.grad(total, (0, 1))(points, normals)
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, gradient))
