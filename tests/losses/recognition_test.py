import numpy as np

from pie_jax.losses.recognition import recognition
from tests import checks


def random_descriptors(*batch):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *batch, 128)).astype(np.float32)


def test_it_is_the_squared_euclidean_distance():
    descriptor, target = random_descriptors()
    total = sum((np.float64(descriptor) - target) ** 2)
    np.testing.assert_allclose(recognition(descriptor, target), total, rtol=1e-5)
    pair = descriptor, target
    checks.assert_distance(recognition, pair, random_descriptors(3))
