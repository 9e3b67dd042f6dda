"""Priors of a face: what costs nothing, and what does."""

import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.theta import neutral
from pie_jax.losses import prior
from tests import checks


def test_plain_white_light_costs_nothing():
    light = neutral().illumination
    assert prior.direction(light) == 0
    assert prior.tint(light) < 1e-12


def test_grey_light_from_one_side_has_a_direction_but_no_tint():
    light = neutral().illumination.at[9:12].set(1.0)  # x
    assert prior.tint(light) < 1e-12
    np.testing.assert_allclose(prior.direction(light), 3)


def test_evenly_red_light_has_a_tint_but_no_direction():
    light = neutral().illumination.at[0].add(3.0)
    assert prior.direction(light) == 0
    np.testing.assert_allclose(prior.tint(light), 4 + 1 + 1, rtol=1e-5)


def test_only_darkening_light_counts_as_negative():
    shading = jnp.array([[0.5, 0.0, -2.0], [1.5, 1.0, 1.0]])
    np.testing.assert_allclose(prior.negative(shading), 4 / 6)
    assert prior.negative(jnp.abs(shading)) == 0


def test_deviation_is_the_sum_of_squares():
    np.testing.assert_allclose(
        prior.deviation(jnp.array([[3.0, -4.0], [0, 1]])), [25, 1]
    )


@pytest.mark.parametrize(
    "loss",
    [
        prior.deviation,
        prior.tint,
        prior.direction,
        lambda x: prior.negative(x.reshape(-1, 9, 3)),
    ],
)
def test_gradients_agree_with_finite_differences(loss):
    light = np.random.default_rng(0).normal(size=(2, 27))
    checks.assert_gradient(lambda x: jnp.sum(loss(x)), light)
