"""The difference of features: its formula and its independence of the resolution."""

import chex
import jax
import jax.numpy as jnp
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


def test_it_is_zero_on_equal_features_and_so_is_its_gradient():
    features = random_features(0)
    value, gradient = jax.value_and_grad(perceptual)(features, features, 64)
    assert value == 0
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, gradient))


@pytest.mark.parametrize(("resolution", "scale"), [(1024, 1), (512, 4), (16, 4096)])
def test_it_is_the_sum_of_squares_over_all_layers(resolution, scale):
    features, target = random_features(0), random_features(1)
    value = perceptual(features, target, resolution)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    total = sum(np.sum((np.float64(features[k]) - target[k]) ** 2) for k in SHAPES)
    np.testing.assert_allclose(value, scale * total, rtol=1e-5)


def test_equal_content_at_another_resolution_gives_an_equal_value():
    small = random_features(0), random_features(1)
    large = jax.tree.map(lambda x: x.repeat(2, 0).repeat(2, 1), small)
    np.testing.assert_allclose(
        perceptual(*large, 128), perceptual(*small, 64), rtol=1e-5
    )


def test_mapped_features_give_what_single_ones_give():
    batch = random_features(0, 3), random_features(1, 3)
    checks.assert_maps(lambda a, b: perceptual(a, b, 64), *batch)


def test_features_of_other_layers_are_refused():
    target = random_features(1)
    del target["deep"]
    with pytest.raises(ValueError, match="deep"):
        perceptual(random_features(0), target, 64)


def test_gradient_agrees_with_finite_differences():
    pair = random_features(0), random_features(1)
    checks.assert_gradient(lambda a, b: perceptual(a, b, 64), *pair, step=1e-5)
