"""The perceptual term: what of the image its network sees."""

import numpy as np
import pytest

from pie_jax.core.images import downsample
from pie_jax.core.params import Params
from pie_jax.energy import perceptual
from pie_jax.energy.term import Candidate, Networks, Target


def looking_glass(params, image):
    """A network whose features are the image it is given, times its parameter."""
    assert image.ndim == 4
    return {"once": params * image, "twice": 2 * params * image}


@pytest.mark.parametrize("resolution", [32, 64])
def test_the_network_sees_the_image_reduced_by_four(resolution):
    term = perceptual.term(Networks(perceptual=looking_glass, recognition=None))
    rng = np.random.default_rng(0)
    image, target = rng.uniform(-1, 1, (2, resolution, resolution, 3))
    params = Params(perceptual=3.0)
    reference = term.prepare(params, Target(target, chip_matrix=np.zeros((2, 3))))
    value = term.value(params, reference, Candidate(w_plus=None, image=image))
    squares = np.sum((downsample(image, 4) - downsample(target, 4)) ** 2)
    expected = (1 + 4) * 3.0**2 * squares * (1024 / resolution) ** 2
    np.testing.assert_allclose(value, expected, rtol=1e-4)


@pytest.mark.parametrize("resolution", [4, 8, 16])
def test_of_a_small_picture_the_network_sees_what_it_can_take(resolution):
    seen = []
    networks = Networks(
        perceptual=lambda _, image: seen.append(image.shape) or {}, recognition=None
    )
    image = np.zeros((resolution, resolution, 3))
    target = Target(image, chip_matrix=np.zeros((2, 3)))
    perceptual.term(networks).prepare(Params(), target)
    assert seen == [(1, 8, 8, 3)]
