"""The recognition term: which chip of the image its network sees."""

import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.energy import crops, recognition
from pie_jax.energy.term import Candidate, Networks, Target


def as_descriptor(params, chip):
    """A network whose descriptor is the chip it is given, times its parameter."""
    assert chip.shape == (1, 150, 150, 3)
    return params * chip.reshape(1, -1)


@pytest.mark.parametrize("resolution", [64, 256, 512])
def test_the_chip_is_cut_where_the_portrait_has_its_face(resolution):
    term = recognition.term(Networks(perceptual=None, recognition=as_descriptor))
    # Colours are linear in the position, and reduction and sampling keep them so.
    y, x = np.mgrid[:resolution, :resolution].astype(np.float32) / resolution
    target = np.stack([x, y, x - y], axis=-1)
    image = np.stack([2 * x, 2 * y, 2 * (x - y)], axis=-1)
    unit = resolution / 256
    matrix = np.asarray([[0.9, 0.2, 30], [-0.2, 0.9, 60]], np.float32) * unit
    params = {"recognition": 3.0}
    portrait = Target(jnp.asarray(target), jnp.asarray(matrix))
    reference = term.prepare(params, portrait)
    value = term.value(
        params, reference, Candidate(w_plus=None, image=jnp.asarray(image))
    )
    row, column = np.mgrid[:150, :150]
    place = matrix @ np.stack([column, row, np.ones_like(row)]).reshape(3, -1)
    x, y = place / resolution
    expected = 3.0**2 * np.sum(np.stack([x, y, x - y]) ** 2)
    np.testing.assert_allclose(value, expected, rtol=1e-3)


def test_images_are_reduced_to_about_256_pixels_before_the_chip_is_cut():
    term = recognition.term(Networks(perceptual=None, recognition=as_descriptor))
    rng = np.random.default_rng(0)
    image, target = rng.uniform(-1, 1, (2, 512, 512, 3)).astype(np.float32)
    matrix = np.asarray([[2.0, 0, 20.5], [0, 2.0, 40.5]], np.float32)
    params = {"recognition": 1.0}
    portrait = Target(jnp.asarray(target), jnp.asarray(matrix))
    value = term.value(
        params,
        term.prepare(params, portrait),
        Candidate(w_plus=None, image=jnp.asarray(image)),
    )
    # With this matrix every pixel of the chip is the mean of one 2 x 2 square.
    chips = [
        x[40:340, 20:320].reshape(150, 2, 150, 2, 3).mean(axis=(1, 3))
        for x in (image, target)
    ]
    np.testing.assert_allclose(value, np.sum((chips[0] - chips[1]) ** 2), rtol=1e-4)


def test_a_network_may_see_another_part_of_the_portrait():
    def as_patch(params, patch):
        assert patch.shape == (1, 224, 224, 3)
        return params * patch.reshape(1, -1)

    term = recognition.term(Networks(None, as_patch, crops.vgg_face_patch))
    rng = np.random.default_rng(0)
    image, target = rng.uniform(-1, 1, (2, 256, 256, 3)).astype(np.float32)
    params = {"recognition": 2.0}
    portrait = Target(jnp.asarray(target), jnp.zeros((2, 3)))
    reference = term.prepare(params, portrait)
    value = term.value(params, reference, Candidate(None, jnp.asarray(image)))
    expected = 2.0**2 * np.sum((image - target)[16:240, 16:240] ** 2)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
