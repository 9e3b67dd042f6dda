"""Measuring fits on a toy: figures before and after refinement, distances, a sheet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import measure_fits
from experiments.mofa_figures import Pictures, judge
from pie_jax.core import theta as parameters
from pie_jax.face.render import render_image, render_vertices
from tests import builders

pytest.importorskip("cv2")

SIZE = 48
COUNT = 3


@pytest.fixture(scope="module")
def world():
    """A judge of a network that always says the neutral face, and turned faces."""
    model = builders.toy_morphable(1)
    turned = 0.2 * np.random.default_rng(0).normal(size=(COUNT, 3))
    theta = parameters.neutral((COUNT,)).replace(
        rotation=jnp.asarray(turned, jnp.float32)
    )
    image, _ = jax.jit(render_image, static_argnums=2)(model, theta, SIZE)
    landmarks = render_vertices(model, theta, SIZE).landmarks / SIZE
    image_u8 = np.uint8(np.rint(255 * np.asarray(image)))

    def neutral(params, image):
        return parameters.neutral((len(image),))

    return judge(model, neutral), Pictures(image_u8, np.asarray(landmarks))


def test_refinement_is_measured_beside_the_estimate(world, monkeypatch):
    monkeypatch.setattr(measure_fits, "_CHUNK", 2)
    judged, pictures = world
    found = measure_fits.measure(judged, {}, pictures, 30)
    assert found["refined_landmark"] < 0.5 * found["landmark"]
    assert {"colour", "refined_colour", "mirror", "rendered"} < found.keys()
    assert np.all(np.isfinite([*found.values()]))


def test_distances_of_all_pairs_the_nearest_first():
    theta = parameters.neutral((3,))
    theta = theta.replace(
        identity=theta.identity.at[:, 0].set(jnp.array([0.0, 3.0, 10.0])),
        reflectance=theta.reflectance.at[1, 5].set(4.0),
    )
    found = measure_fits.distances(["anna", "ben", "cleo"], theta)
    assert list(found) == ["ben anna", "cleo ben", "cleo anna"]
    expected = [5, np.sqrt(49 + 16), 10]
    np.testing.assert_allclose([*found.values()], expected, rtol=1e-6)


def test_the_sheet_has_each_picture_above_its_views(world):
    judged, pictures = world
    chosen_u8 = pictures.image_u8[np.arange(16) % COUNT]
    found = measure_fits.sheet(judged, parameters.neutral((16,)), chosen_u8)
    assert found.size == (8 * SIZE, 2 * 5 * SIZE)
    sheet_u8 = np.asarray(found)
    np.testing.assert_array_equal(sheet_u8[:SIZE, :SIZE], chosen_u8[0])
    np.testing.assert_array_equal(sheet_u8[5 * SIZE : 6 * SIZE, -SIZE:], chosen_u8[15])
