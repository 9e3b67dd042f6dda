"""The distance of face descriptors."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.losses.recognition import recognition
from tests import checks


def random_descriptors(*batch):
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, *batch, 128)).astype(np.float32)


def test_it_is_zero_on_equal_descriptors_and_so_is_its_gradient():
    descriptor, _ = random_descriptors()
    value, gradient = jax.value_and_grad(recognition)(descriptor, descriptor)
    assert value == 0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(gradient))


def test_it_is_the_squared_euclidean_distance():
    descriptor, target = random_descriptors()
    value = recognition(descriptor, target)
    chex.assert_shape(value, ())
    chex.assert_type(value, jnp.float32)
    total = sum((np.float64(descriptor) - target) ** 2)
    np.testing.assert_allclose(value, total, rtol=1e-5)


def test_mapped_descriptors_give_what_single_ones_give():
    checks.assert_maps(recognition, *random_descriptors(3))


def test_gradient_agrees_with_finite_differences():
    checks.assert_gradient(recognition, *random_descriptors(), step=1e-5)
