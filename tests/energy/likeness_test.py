import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta
from pie_jax.energy import likeness
from tests import builders

MODEL = builders.toy_morphable(subdivisions=3)
SIZE = 64


def face(yaw=0.0):
    rotation = jnp.asarray([0.0, yaw, 0.0])
    return dataclasses.replace(theta.neutral(), rotation=rotation)


def test_a_face_is_nearest_to_its_own_picture():
    image, mask = builders.PICTURE(MODEL, face(0.2), SIZE)
    image = 2 * (mask * image + (1 - mask) * image.mean()) - 1
    error = jax.jit(likeness.photometric)
    errors = [error(MODEL, face(yaw), image) for yaw in (-0.2, 0.0, 0.2, 0.4)]
    assert np.argmin(errors) == 2
    # Every vertex has a colour of its own, finer than the pixels.
    assert errors[2] < 0.6 * min(errors[1], errors[3])


def test_its_own_landmarks_are_at_no_distance_and_light_moves_none():
    shown = builders.VERTICES(MODEL, face(0.3), 1).landmarks
    distance = jax.jit(likeness.landmark)
    assert distance(MODEL, face(0.3), shown) < 1e-6
    moved = distance(MODEL, face(0.3), shown + 1 / 1024)
    np.testing.assert_allclose(moved, 2 * 66, rtol=1e-2)

    def by_light(light):
        lit = dataclasses.replace(face(), illumination=light)
        return likeness.landmark(MODEL, lit, jnp.zeros((68, 2)))

    np.testing.assert_array_equal(
        jax.jit(jax.grad(by_light))(theta.neutral().illumination), 0
    )


@pytest.mark.parametrize(("resolution", "left"), [(32, 32), (128, 128), (512, 128)])
def test_large_pictures_are_reduced_by_whole_pixels(resolution, left):
    image = jnp.linspace(-1, 1, resolution)[:, None, None] * jnp.ones(
        (1, resolution, 3)
    )
    small = likeness.reduced(image)
    assert small.shape == (left, left, 3)
    np.testing.assert_allclose(small.mean(), image.mean(), atol=1e-6)
