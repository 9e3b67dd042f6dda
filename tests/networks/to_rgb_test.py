import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import mobile_stylegan, to_rgb
from tests import builders, checks

WIDTHS = (8, 8, 12, 8, 4)  # 4, 8, ..., 64 pixels: pictures of 128
LAST_EARLY = 6
"""The last row of w_plus that the features at 16 pixels see."""


@pytest.fixture(scope="module")
def world():
    generator = builders.random_params(
        lambda key: mobile_stylegan.init_params(key, WIDTHS)
    )
    params = builders.random_params(lambda key: to_rgb.init_params(key, WIDTHS))
    return params, generator


def drawn(world, w_plus):
    return to_rgb.preview(*world, w_plus, WIDTHS)


def test_a_preview_is_a_quarter_of_the_size_and_sees_every_row(world):
    w_plus = jax.random.normal(jax.random.key(1), (2, 14, 512))
    image = drawn(world, w_plus)
    chex.assert_shape(image, (2, 32, 32, 3))
    features, later = mobile_stylegan.early_features(world[1], w_plus, WIDTHS)
    chex.assert_shape(features, (2, 16, 16, 12))
    np.testing.assert_array_equal(later, w_plus[:, LAST_EARLY + 1 :])
    for row in range(14):
        other = w_plus.at[:, row].add(0.5)
        assert jnp.abs(drawn(world, other) - image).max() > 1e-6
        moved, _ = mobile_stylegan.early_features(world[1], other, WIDTHS)
        same = bool((moved == features).all())
        assert same == (row > LAST_EARLY)


def test_what_the_finest_blocks_are_is_of_no_account(world):
    w_plus = jax.random.normal(jax.random.key(1), (1, 14, 512))
    finest = {k for k in world[1]["synthesis"] if k.startswith(("block2", "block3"))}
    assert finest
    without = {
        k: jax.tree.map(jnp.zeros_like, x) if k in finest else x
        for k, x in world[1]["synthesis"].items()
    }
    other = drawn((world[0], world[1] | {"synthesis": without}), w_plus)
    np.testing.assert_array_equal(other, drawn(world, w_plus))


def test_its_gradient_agrees_with_finite_differences(world):
    with jax.enable_x64(True):
        double = checks.double(world)
        w_plus = jnp.asarray(np.random.default_rng(0).normal(size=(1, 14, 512)))
        checks.assert_gradient(
            lambda w: jnp.sum(drawn(double, w) ** 2), w_plus, directions=3, rtol=1e-5
        )
