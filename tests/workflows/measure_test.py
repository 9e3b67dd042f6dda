from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.energy.term import Networks
from pie_jax.face import crops
from pie_jax.io import images
from pie_jax.photos import faces, portraits
from pie_jax.photos.alignment import whole
from pie_jax.stack.assembly import Stack
from pie_jax.stack.programs import Programs
from pie_jax.workflows.measure import measure
from tests import toys

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (64, 64, 3), np.uint8)
PROJECTION = RNG.integers(0, 256, (16, 16, 3), np.uint8)
PORTRAIT = portraits.Portrait(PHOTO, whole(64), RNG.uniform(10, 50, (68, 2)))
NOTHING = Networks(perceptual=None, recognition=None)


def stack(networks, **params):
    """What measures; nothing else of a stack is used."""
    programs = Programs(None, keep=False)
    functions = SimpleNamespace(networks=networks, programs=programs)
    return Stack(Params(**params), functions)


def mean_colour(params, image):
    """A recognition network that tells people by their mean colour, `[B, 3]`."""
    return params * jnp.mean(image, axis=(1, 2))


def test_the_photograph_is_reduced_to_the_projections_size():
    small = PHOTO.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    error = np.mean((small - PROJECTION.astype(float)) ** 2)
    bad = measure(PROJECTION, PORTRAIT, stack(NOTHING))
    # Sums in float32.
    assert bad["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-4)
    good = measure(small.round().astype(np.uint8), PORTRAIT, stack(NOTHING))
    assert good["psnr"] > 50 > bad["psnr"]
    assert good["ssim"] > 0.99 > bad["ssim"]


@pytest.mark.parametrize("networks", [NOTHING, Networks(None, mean_colour)])
def test_without_a_recognition_network_or_a_face_there_is_no_distance(networks):
    measured = measure(PROJECTION, PORTRAIT, stack(networks, recognition=1.0))
    assert measured["recognition_distance"] is None


@pytest.mark.parametrize("crop", [crops.dlib_chip, crops.vgg_face_patch])
def test_the_distance_is_of_what_the_network_sees_of_both_faces(installed, crop):
    portrait = portraits.load_portrait(toys.PHOTO)
    projection = portrait.aligned_u8 // 2
    networks = Networks(None, mean_colour, crop)
    measured = measure(projection, portrait, stack(networks, recognition=3.0))
    (box,) = faces.detect(projection)
    ends = (
        (portrait.aligned_u8, portrait.landmarks),
        (projection, faces.landmarks68(projection, box)),
    )
    if crop is crops.dlib_chip:
        seen = [images.from_u8(faces.face_chip(*end)) for end in ends]
    else:
        seen = [
            crop(images.from_u8(x), jnp.float32(faces.chip_matrix(y))) for x, y in ends
        ]
    first, second = (x.mean((0, 1)) for x in seen)
    expected = 3 * np.linalg.norm(first - second)
    assert measured["recognition_distance"] == pytest.approx(expected, rel=1e-3)
