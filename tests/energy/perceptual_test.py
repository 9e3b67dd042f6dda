import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.energy import perceptual
from pie_jax.energy.term import Networks, Target


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
