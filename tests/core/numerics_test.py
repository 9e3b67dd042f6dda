import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import numerics
from tests import checks

VECTORS = np.asarray([[3.0, 4.0, 12.0], [0.0, 0.0, 0.0], [-1e-3, 0.0, 0.0]], np.float32)


def test_a_norm_is_the_length_and_a_unit_vector_keeps_the_direction():
    np.testing.assert_allclose(numerics.norm(VECTORS), [13, 0, 1e-3], rtol=1e-6)
    checks.assert_maps(numerics.norm, VECTORS, batched=True)
    expected = [[3 / 13, 4 / 13, 12 / 13], [0, 0, 0], [-1, 0, 0]]
    np.testing.assert_allclose(numerics.unit(VECTORS), expected, rtol=1e-6)
    checks.assert_maps(numerics.unit, VECTORS, batched=True)


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_is_zero_at_the_zero_vector(function):
    jacobian = jax.jacobian(function)(jnp.zeros(3))
    chex.assert_trees_all_equal(jacobian, jnp.zeros_like(jacobian))


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_agrees_with_finite_differences_elsewhere(function):
    checks.assert_gradient(
        lambda x: jnp.sum(jnp.sin(function(x))), np.asarray([0.3, -0.2, 0.7])
    )
