import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.graphics import camera as cameras
from pie_jax.graphics.camera import Camera
from tests import checks

CAMERA = Camera(focal=jnp.float32(4.5), distance=jnp.float32(12))


def random_points(*batch):
    return np.random.default_rng(0).normal(size=(*batch, 7, 3)).astype(np.float32)


def project(points, camera=CAMERA, resolution=256):
    return cameras.project(jnp.asarray(points, jnp.float32), camera, resolution)


def test_right_is_right_up_is_up_and_twice_as_far_is_half_as_large():
    for z in (-3.0, 0.0, 5.0):
        np.testing.assert_allclose(project([[0, 0, z]]), [[128, 128]])
    (right, up) = project([[1, 0, 0], [0, 1, 0]])
    assert right[0] > 128 and right[1] == 128
    assert up[0] == 128 and up[1] < 128

    half = 0.5 * 12 / 4.5
    np.testing.assert_allclose(
        project([[-half, half, 0], [half, -half, 0]]), [[0, 0], [256, 256]], atol=1e-4
    )
    near, far = project([[1, 2, 0], [1, 2, -12]]) - 128
    np.testing.assert_allclose(far, near / 2, rtol=1e-6)


def test_resolution_scales_all_pixels_and_focal_length_about_the_centre():
    points = random_points()
    np.testing.assert_allclose(
        project(points, resolution=64), project(points) / 4, rtol=1e-6
    )
    longer = CAMERA.replace(focal=2 * CAMERA.focal)
    np.testing.assert_allclose(
        project(points, longer) - 128, 2 * (project(points) - 128), atol=1e-3
    )


def test_depth_grows_away_from_the_camera_and_alone_ends_before_it():
    points = jnp.asarray([[5.0, 1, 0], [0, 0, 2], [0, 0, -3]])
    np.testing.assert_allclose(cameras.depth(points, CAMERA), [12, 10, 15])
    points = jnp.asarray([[0.0, 0, 11.95], [0, 0, 13]])
    np.testing.assert_allclose(cameras.depth(points, CAMERA), cameras.NEAR)
    np.testing.assert_allclose(cameras.distance(points, CAMERA), [0.05, -1], atol=1e-5)


def test_directions_point_to_the_camera_and_points_are_mapped_one_by_one():
    points = random_points()
    reached = points + np.linalg.norm(
        points - [0, 0, 12], axis=-1, keepdims=True
    ) * cameras.directions(points, CAMERA)
    np.testing.assert_allclose(reached, np.tile([0, 0, 12.0], (7, 1)), atol=1e-5)
    points = random_points(2, 3)
    result = cameras.project(points, CAMERA, 64)
    chex.assert_shape(result, (2, 3, 7, 2))
    chex.assert_type(result, jnp.float32)
    checks.assert_maps(
        lambda x: cameras.project(x, CAMERA, 64), points, axes=2, batched=True
    )


@pytest.mark.parametrize("z", [12.0, 13.0, 1e6])
def test_points_at_or_behind_the_camera_stay_finite_and_so_do_gradients(z):
    point = jnp.asarray([[0.3, 0.2, z]])
    chex.assert_tree_all_finite(project(point))
    chex.assert_tree_all_finite(jax.grad(lambda x: jnp.sum(project(x)))(point))


def test_gradient_agrees_with_finite_differences():
    def energy(points, camera):
        seen = cameras.project(points, camera, 3)
        return jnp.sum(jnp.sin(seen)) + jnp.sum(cameras.directions(points, camera))

    checks.assert_gradient(energy, random_points(), CAMERA)
