import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as thetas
from pie_jax.core.theta import COMPONENTS, FaceParams
from tests import checks

ORDER = (
    "rotation", "translation", "identity", "reflectance", "expression", "illumination"
)  # fmt: skip


def random_theta(*batch, seed=0):
    vector = np.random.default_rng(seed).normal(size=(*batch, 257))
    return thetas.from_vector(jnp.asarray(vector, jnp.float32))


@pytest.mark.parametrize("component", COMPONENTS)
def test_one_component_comes_from_the_second_and_it_can_be_put_back(component):
    first, second = random_theta(2, seed=1), random_theta(2, seed=2)
    chex.assert_trees_all_equal(thetas.combine(first, first, component), first)
    result = thetas.combine(first, second, component)
    chex.assert_trees_all_equal(thetas.combine(result, first, component), first)
    for name in ORDER:
        with_it = component == "rotation" and name == "translation"
        source = second if name == component or with_it else first
        chex.assert_trees_all_equal(getattr(result, name), getattr(source, name))


def test_all_components_together_leave_shape_and_colour_and_thetas_can_be_mapped():
    first, second = random_theta(seed=1), random_theta(seed=2)
    result = first
    for component in COMPONENTS:
        result = thetas.combine(result, second, component)
    for name in ("identity", "reflectance"):
        chex.assert_trees_all_equal(getattr(result, name), getattr(first, name))
    checks.assert_maps(thetas.to_vector, random_theta(4), batched=True)
    vector = thetas.to_vector(random_theta(4))
    checks.assert_maps(thetas.from_vector, vector, batched=True)


@pytest.mark.parametrize("component", ["identity", "pose", "replace"])
def test_what_is_no_component_is_refused(component):
    with pytest.raises(ValueError, match=f"{component}.*rotation"):
        thetas.combine(random_theta(), random_theta(), component)


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_a_vector_comes_back_from_its_parts(batch):
    vector = np.random.default_rng(0).normal(size=(*batch, 257)).astype(np.float32)
    theta = thetas.from_vector(vector)
    np.testing.assert_array_equal(thetas.to_vector(theta), vector)


def test_a_vectors_parts_have_the_papers_sizes_in_the_stated_order_and_no_others():
    theta = thetas.from_vector(jnp.arange(257))
    starts = [int(getattr(theta, name)[0]) for name in ORDER]
    assert starts == [0, 3, 6, 86, 166, 230]
    assert list(thetas.SIZES) == list(ORDER)
    assert sum(thetas.SIZES.values()) == 257
    with pytest.raises(AssertionError):
        thetas.to_vector(theta.replace(expression=jnp.zeros(63)))
    with pytest.raises(AssertionError):
        thetas.from_vector(jnp.zeros(256))


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_neutral_is_zero_but_for_equal_light_in_all_colours(batch):
    theta = thetas.neutral(batch)
    assert isinstance(theta, FaceParams)
    for name, size in thetas.SIZES.items():
        chex.assert_shape(getattr(theta, name), (*batch, size))
    light = theta.illumination.reshape(*batch, 9, 3)
    np.testing.assert_allclose(light[..., 0, :], 3.5449077, rtol=1e-6)
    assert not np.any(light[..., 1:, :])
    others = theta.replace(illumination=jnp.zeros(()))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(others))
