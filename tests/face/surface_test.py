import chex
import jax.numpy as jnp
import numpy as np

from pie_jax.core import rotations
from pie_jax.core.theta import neutral
from pie_jax.face import morphable
from pie_jax.face.surface import surface
from pie_jax.graphics import camera
from tests import builders
from tests.builders import VERTICES, random_theta

MODEL = builders.toy_morphable()


def test_the_neutral_face_is_the_models_mean_and_a_posed_one_as_it_is_rendered():
    vertices, colours = surface(MODEL, neutral())
    np.testing.assert_array_equal(vertices, MODEL.mean)
    np.testing.assert_allclose(colours, MODEL.albedo_mean, atol=1e-6)
    theta = random_theta()
    vertices, colours = surface(MODEL, theta)
    plain = morphable.vertices(MODEL, theta.identity, theta.expression)
    chex.assert_trees_all_close(vertices, plain)
    posed, same = surface(MODEL, theta, posed=True)
    chex.assert_trees_all_close(colours, same)
    back = (posed - theta.translation) @ rotations.matrix(theta.rotation)
    chex.assert_trees_all_close(back, plain, atol=1e-5)

    theta = random_theta(2)
    posed, colours = surface(MODEL, theta, posed=True)
    rendering = VERTICES(MODEL, theta, 256, occlusion=False)
    points = camera.project(posed, MODEL.camera, 256)
    chex.assert_trees_all_close(points, rendering.points, atol=1e-2)
    expected = jnp.clip(rendering.albedo, 0, 1)
    chex.assert_trees_all_close(colours, expected, atol=1e-6)
