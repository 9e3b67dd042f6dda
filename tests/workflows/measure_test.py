import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.cli.measure import measure
from pie_jax.energy import crops
from pie_jax.energy.term import Networks
from pie_jax.io import alignment, faces, portraits

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (64, 64, 3), np.uint8)
PROJECTION = RNG.integers(0, 256, (16, 16, 3), np.uint8)
NO_NETWORKS = Networks(perceptual=None, recognition=None)


LANDMARKS = RNG.uniform(10, 50, (68, 2))


def portrait(photo_u8: np.ndarray) -> portraits.Portrait:
    return portraits.Portrait(photo_u8, alignment.whole(len(photo_u8)), LANDMARKS)


def mean_colour(params, image):
    """A recognition network that tells people by their mean colour, `[B, 3]`."""
    return params * jnp.mean(image, axis=(1, 2))


def test_the_photograph_is_reduced_to_the_projections_size():
    small = PHOTO.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    error = np.mean((small - PROJECTION.astype(float)) ** 2)
    measured = measure(PROJECTION, portrait(PHOTO), NO_NETWORKS, {})
    # Sums in float32.
    assert measured["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-4)


def test_a_better_projection_has_better_figures():
    small = PHOTO.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    good = measure(small, portrait(PHOTO), NO_NETWORKS, {})
    bad = measure(PROJECTION, portrait(PHOTO), NO_NETWORKS, {})
    assert good["psnr"] > 50 > bad["psnr"]
    assert good["ssim"] > 0.99 > bad["ssim"]


def test_without_a_recognition_network_there_is_no_distance():
    measured = measure(PROJECTION, portrait(PHOTO), NO_NETWORKS, {})
    assert measured["recognition_distance"] is None


def test_where_the_projection_shows_no_face_there_is_no_distance():
    networks = Networks(perceptual=None, recognition=mean_colour)
    params = {"recognition": 1.0}
    measured = measure(PROJECTION, portrait(PHOTO), networks, params)
    assert measured["recognition_distance"] is None


def test_the_distance_is_that_of_both_faces_descriptors(monkeypatch):
    box = faces.Box(0, 0, 9, 9)
    monkeypatch.setattr(faces, "detect", lambda image_u8: [box])
    monkeypatch.setattr(faces, "landmarks68", lambda image_u8, box: None)
    monkeypatch.setattr(faces, "face_chip", lambda image_u8, _: image_u8[:10, :10])
    networks = Networks(perceptual=None, recognition=mean_colour)
    params = {"recognition": 3.0}
    measured = measure(PROJECTION, portrait(PHOTO), networks, params)
    difference = (PHOTO[:10, :10].mean((0, 1)) - PROJECTION[:10, :10].mean((0, 1))) * 3
    expected = np.linalg.norm(difference) / 127.5
    assert measured["recognition_distance"] == pytest.approx(expected, rel=1e-4)


def test_the_distance_is_of_what_the_network_sees(monkeypatch):
    box = faces.Box(0, 0, 9, 9)
    monkeypatch.setattr(faces, "detect", lambda image_u8: [box])
    monkeypatch.setattr(faces, "landmarks68", lambda image_u8, box: LANDMARKS)
    networks = Networks(None, mean_colour, crops.vgg_face_patch)
    photo, projection = PHOTO, PROJECTION.repeat(4, 0).repeat(4, 1)
    measured = measure(projection, portrait(photo), networks, {"recognition": 3.0})
    means = [
        crops.vgg_face_patch(jnp.asarray(x, jnp.float32), None).mean((0, 1))
        for x in (photo, projection)
    ]
    expected = 3 * np.linalg.norm(means[0] - means[1]) / 127.5
    assert measured["recognition_distance"] == pytest.approx(expected, rel=1e-3)
