"""The distance of face descriptors."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.losses.recognition import recognition

WRAPS = [jax.jit, lambda function: function]


def random_descriptors(*batch):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *batch, 128)).astype(np.float32)


def test_it_is_zero_on_equal_descriptors_and_so_is_its_gradient():
    descriptor, _ = random_descriptors()
    value, gradient = jax.value_and_grad(recognition)(descriptor, descriptor)
    assert value == 0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(gradient))


@pytest.mark.parametrize("wrap", WRAPS)
def test_it_is_the_squared_euclidean_distance(wrap):
    descriptor, target = random_descriptors()
    value = wrap(recognition)(descriptor, target)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    total = sum(
        (float(a) - float(b)) ** 2 for a, b in zip(descriptor, target, strict=True)
    )
    np.testing.assert_allclose(value, total, rtol=1e-5)


@pytest.mark.parametrize("wrap", WRAPS)
def test_mapped_descriptors_give_what_single_ones_give(wrap):
    descriptors, targets = random_descriptors(3)
    values = wrap(jax.vmap(recognition))(descriptors, targets)
    singles = [recognition(*pair) for pair in zip(descriptors, targets, strict=True)]
    np.testing.assert_allclose(values, singles, rtol=1e-5)


def test_gradient_agrees_with_finite_differences():
    with jax.enable_x64(True):
        descriptor, target = (jnp.asarray(x, jnp.float64) for x in random_descriptors())
        gradient, step = jax.grad(recognition)(descriptor, target), 1e-5
        for i in (0, 64, 127):
            above = recognition(descriptor.at[i].add(step), target)
            below = recognition(descriptor.at[i].add(-step), target)
            np.testing.assert_allclose(
                gradient[i], (above - below) / (2 * step), rtol=1e-6
            )
