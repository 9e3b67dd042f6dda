import numpy as np

from pie_jax.core.params import Params
from pie_jax.energy import pixel
from pie_jax.energy.term import Candidate, Networks, Target
from pie_jax.losses.pixel import pixel as loss


def test_it_compares_the_whole_images_and_needs_no_network():
    term = pixel.term(Networks(perceptual=None, recognition=None))
    rng = np.random.default_rng(0)
    image, target = rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
    reference = term.prepare(Params(), Target(target, chip_matrix=np.zeros((2, 3))))
    value = term.value(Params(), reference, Candidate(w_plus=None, image=image))
    np.testing.assert_allclose(value, loss(image, target))
    assert value > 0
