import jax
import numpy as np
import pytest

from pie_jax.losses.perceptual import perceptual
from tests import checks

SHAPES = {"shallow": (4, 4, 3), "deep": (2, 2, 5)}


def random_features(seed, *batch):
    rng = np.random.default_rng(seed)
    return {
        layer: rng.normal(size=(*batch, *shape)).astype(np.float32)
        for layer, shape in SHAPES.items()
    }


def test_equal_features_have_no_value_or_gradient_and_resolution_does_not_matter():
    small = random_features(0), random_features(1)
    batch = random_features(0, 3), random_features(1, 3)
    checks.assert_distance(lambda a, b: perceptual(a, b, 64), small, batch)
    large = jax.tree.map(lambda x: x.repeat(2, 0).repeat(2, 1), small)
    np.testing.assert_allclose(
        perceptual(*large, 128), perceptual(*small, 64), rtol=1e-5
    )


@pytest.mark.parametrize(("resolution", "scale"), [(1024, 1), (512, 4), (16, 4096)])
def test_it_is_the_sum_of_squares_over_all_layers(resolution, scale):
    features, target = random_features(0), random_features(1)
    value = perceptual(features, target, resolution)
    total = sum(np.sum((np.float64(features[k]) - target[k]) ** 2) for k in SHAPES)
    np.testing.assert_allclose(value, scale * total, rtol=1e-5)


def test_features_of_other_layers_are_refused():
    target = random_features(1)
    del target["deep"]
    with pytest.raises(ValueError, match="deep"):
        perceptual(random_features(0), target, 64)
