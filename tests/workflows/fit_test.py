"""Fitting a portrait whose face is known."""

import jax
import numpy as np

from pie_jax.cli import reconstruct
from pie_jax.cli.shipped import Estimator
from pie_jax.face.render import render_image, render_vertices
from pie_jax.io import alignment, portraits
from tests import builders
from tests.training.reconstruction_test import random_theta


def test_a_rendered_face_is_where_its_landmarks_are():
    model, size = builders.toy_morphable(), 2 * reconstruct.RESOLUTION
    theta = random_theta(1)
    image, _ = render_image(model, theta, size)
    # Landmarks of portraits have integers at pixel centres.
    landmarks = np.asarray(render_vertices(model, theta, size).landmarks[0]) - 0.5
    portrait = portraits.Portrait(
        aligned_u8=np.uint8(np.rint(255 * np.asarray(image[0]))),
        alignment=alignment.whole(size, size),
        landmarks=landmarks,
    )
    knows = Estimator(lambda params, image: params, theta)
    fitted = reconstruct.fit(model, knows, portrait, 0)
    assert fitted.errors["landmark"] < 1e-4
    assert fitted.errors["colour"] < 0.15
    found = jax.tree.map(lambda x: x[0], theta)
    np.testing.assert_array_equal(fitted.theta.rotation, found.rotation)
