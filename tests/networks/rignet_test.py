import chex
import jax
import jax.numpy as jnp
import pytest

from pie_jax.core import theta as parameters
from pie_jax.networks import rignet
from pie_jax.networks.rignet import RigNet, RowDense
from tests import builders

ROWS, SIZE = 5, 3


@pytest.fixture(scope="module")
def params():
    module = RigNet(features=4, hidden=6)
    network = builders.module_params(module, (1, ROWS, 512), (1, SIZE))
    spread = {"mean": jnp.arange(3.0), "deviation": jnp.array([1.0, 2.0, 4.0])}
    return {"network": network, **spread}


def codes(batch=2, seed=0):
    return jax.random.normal(jax.random.key(seed), (batch, ROWS, 512))


def faces(rotation):
    return parameters.neutral((len(rotation),)).replace(rotation=rotation)


def test_each_row_has_its_own_layer_and_at_the_beginning_nothing_is_edited():
    x = jax.random.normal(jax.random.key(0), (2, ROWS, 7))
    module = RowDense(4)
    layer = module.init(jax.random.key(1), x)["params"]
    found = module.apply({"params": layer}, x)
    for row in range(ROWS):
        expected = x[:, row] @ layer["kernel"][row] + layer["bias"][row]
        chex.assert_trees_all_close(found[:, row], expected, atol=1e-5)
    assert 0.1 < found.var() < 4

    module, w_plus = RigNet(), codes()
    target = jnp.ones((2, SIZE))
    params = module.init(jax.random.key(0), w_plus, target)["params"]
    offset = module.apply({"params": params}, w_plus, target)
    chex.assert_trees_all_equal(offset, jnp.zeros_like(w_plus))


def test_only_its_standardized_component_counts_and_a_row_knows_of_the_others(params):
    rig, w_plus = rignet.rig("rotation", 4, 6), codes()
    own = faces(jnp.zeros((2, 3)))
    theta = faces(jnp.array([[0.1, 0.2, 0.3], [0.0, 0.5, 0.0]]))
    edited = rig.edit(params, w_plus, own, theta)
    other = theta.replace(expression=theta.expression + 1)
    chex.assert_trees_all_equal(rig.edit(params, w_plus, own, other), edited)
    turned = theta.replace(rotation=theta.rotation + 1)
    assert jnp.abs(rig.edit(params, w_plus, own, turned) - edited).max() > 1e-2
    for same in (own, theta):
        chex.assert_trees_all_equal(rig.edit(params, w_plus, same, same), w_plus)
    changed = w_plus.at[:, 0].add(1.0)
    other = rig.edit(params, changed, own, theta) - changed
    assert (jnp.abs(edited - w_plus - other).max(axis=(0, 2)) > 1e-4).all()

    values = jnp.array([[1.0, 3.0, 6.0]])
    expected = jnp.array([[1.0, 1.0, 1.0]])
    chex.assert_trees_all_close(rignet.standardized(params, values), expected)
    assert rignet.widths(params) == (4, 6)


def test_parameters_of_principal_coordinates_become_those_of_codes(params):
    key_mean, key_axes = jax.random.split(jax.random.key(3))
    rotation, _ = jnp.linalg.qr(jax.random.normal(key_axes, (512, 512)))
    axes = rotation * jnp.linspace(0.2, 2.0, 512)
    moments = {"mean": jax.random.normal(key_mean, (512,)), "axes": axes}
    inside, target = codes(), jnp.ones((2, SIZE))
    module = RigNet(features=4, hidden=6)
    expected = module.apply({"params": params["network"]}, inside, target) @ axes.T
    folded = rignet.unwhitened(params["network"], moments)
    outside = moments["mean"] + inside @ axes.T
    found = module.apply({"params": folded}, outside, target)
    chex.assert_trees_all_close(found, expected, rtol=1e-3, atol=1e-3)
    chex.assert_trees_all_close(
        rignet.whitened(folded, moments), params["network"], atol=1e-4
    )
