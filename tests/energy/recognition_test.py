import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.energy import recognition
from pie_jax.energy.term import Candidate, Networks, Target
from pie_jax.face import crops


def as_descriptor(params, chip):
    """A network whose descriptor is the chip it is given, times its parameter."""
    assert chip.shape == (1, 150, 150, 3)
    return params * chip.reshape(1, -1)


def compare(network, parameter, image, target, matrix, *face):
    """The term's value for an image and a portrait with its chip's matrix."""
    term = recognition.term(Networks(None, network, *face))
    params = Params(recognition=parameter)
    portrait = Target(jnp.asarray(target), jnp.asarray(matrix, jnp.float32))
    reference = term.prepare(params, portrait)
    return term.value(params, reference, Candidate(None, jnp.asarray(image)))


def random_pair(size):
    return np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype("f")


@pytest.mark.parametrize("resolution", [64, 256, 512])
def test_the_chip_is_cut_where_the_portrait_has_its_face(resolution):
    # Colours are linear in the position, and reduction and sampling keep them so.
    y, x = np.mgrid[:resolution, :resolution].astype(np.float32) / resolution
    target = np.stack([x, y, x - y], axis=-1)
    matrix = np.asarray([[0.9, 0.2, 30], [-0.2, 0.9, 60]]) * resolution / 256
    value = compare(as_descriptor, 3.0, 2 * target, target, matrix)
    row, column = np.mgrid[:150, :150]
    place = matrix @ np.stack([column, row, np.ones_like(row)]).reshape(3, -1)
    x, y = place / resolution
    expected = 3.0**2 * np.sum(np.stack([x, y, x - y]) ** 2)
    np.testing.assert_allclose(value, expected, rtol=1e-3)


def test_images_are_reduced_before_the_chip_is_cut_and_others_see_another_part():
    image, target = random_pair(512)
    matrix = [[2.0, 0, 20.5], [0, 2.0, 40.5]]
    value = compare(as_descriptor, 1.0, image, target, matrix)
    # With this matrix every pixel of the chip is the mean of one 2 x 2 square.
    difference = (image - target)[40:340, 20:320].reshape(150, 2, 150, 2, 3)
    expected = np.sum(difference.mean(axis=(1, 3)) ** 2)
    np.testing.assert_allclose(value, expected, rtol=1e-4)

    def as_patch(params, patch):
        assert patch.shape == (1, 224, 224, 3)
        return params * patch.reshape(1, -1)

    image, target = random_pair(256)
    nowhere = np.zeros((2, 3))
    value = compare(as_patch, 2.0, image, target, nowhere, crops.vgg_face_patch)
    expected = 2.0**2 * np.sum((image - target)[16:240, 16:240] ** 2)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
