"""Lengths and directions: their values, and their gradients at the zero vector."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import numerics

WRAPS = [jax.jit, lambda function: function]
VECTORS = np.asarray([[3.0, 4.0, 12.0], [0.0, 0.0, 0.0], [-1e-3, 0.0, 0.0]], np.float32)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_norm_is_the_length_of_each_vector(wrap):
    np.testing.assert_allclose(wrap(numerics.norm)(VECTORS), [13, 0, 1e-3], rtol=1e-6)


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_unit_vector_keeps_the_direction_and_zero_stays_zero(wrap):
    expected = [[3 / 13, 4 / 13, 12 / 13], [0, 0, 0], [-1, 0, 0]]
    np.testing.assert_allclose(wrap(numerics.unit)(VECTORS), expected, rtol=1e-6)


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_is_zero_at_the_zero_vector(function):
    jacobian = jax.jacobian(function)(jnp.zeros(3))
    chex.assert_trees_all_equal(jacobian, jnp.zeros_like(jacobian))


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_agrees_with_finite_differences_elsewhere(function):
    with jax.enable_x64(True):
        x, step = jnp.asarray([0.3, -0.2, 0.7]), 1e-6
        jacobian = jax.jacobian(function)(x)
        for i, direction in enumerate(jnp.eye(3)):
            difference = function(x + step * direction) - function(x - step * direction)
            np.testing.assert_allclose(
                jacobian[..., i], difference / (2 * step), atol=1e-8
            )
