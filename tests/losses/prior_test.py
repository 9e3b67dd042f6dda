import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.theta import neutral
from pie_jax.losses import prior
from tests import checks

PLAIN = neutral().illumination


@pytest.mark.parametrize(
    ("light", "tint", "direction"),
    [
        (PLAIN, 0, 0),
        (PLAIN.at[9:12].set(1.0), 0, 3),  # grey from one side, x
        (PLAIN.at[0].add(3.0), 4 + 1 + 1, 0),  # evenly red
    ],
)
def test_light_costs_what_it_has_of_a_tint_and_a_direction(light, tint, direction):
    np.testing.assert_allclose(prior.tint(light), tint, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(prior.direction(light), direction)


def test_only_darkening_light_counts_as_negative_and_deviation_is_in_squares():
    shading = jnp.array([[0.5, 0.0, -2.0], [1.5, 1.0, 1.0]])
    np.testing.assert_allclose(prior.negative(shading), 4 / 6)
    assert prior.negative(jnp.abs(shading)) == 0
    np.testing.assert_allclose(
        prior.deviation(jnp.array([[3.0, -4.0], [0, 1]])), [25, 1]
    )


@pytest.mark.parametrize(
    "loss",
    [
        prior.deviation,
        prior.tint,
        prior.direction,
        lambda x: prior.negative(x[..., :9]),
    ],
)
def test_gradients_agree_with_finite_differences(loss):
    light = np.random.default_rng(0).normal(size=(2, 27))
    checks.assert_gradient(lambda x: jnp.sum(loss(x)), light)
