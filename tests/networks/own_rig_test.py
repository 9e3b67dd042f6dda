import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as parameters
from pie_jax.networks import own_rig, rignet
from pie_jax.networks.rignet import RigNet
from tests import builders

ROWS = 5


@pytest.fixture(scope="module")
def own():
    towards = jnp.array([[0, 0.3, 0], [0, -0.3, 0], [0.2, 0, 0]])
    added = jax.random.normal(jax.random.key(0), (3, ROWS, 512))
    return {"towards": towards, "added": added}


@pytest.mark.parametrize(
    ("change", "shares"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((0, 0.3, 0), (1, 0, 0)),
        ((0, -0.15, 0), (0, 0.5, 0)),
        ((0, 0.6, 0), (1, 0, 0)),
        ((-0.2, 0, 0), (0, 0, 0)),
        ((0.1, 0.15, 0.7), (0.25, 0, 0.25)),
        ((0.05, 0.3, 0), (0.8, 0, 0.2)),
    ],
)
def test_the_share_of_each_refined_turn_is_added_and_of_several_no_more(
    own, change, shares
):
    found = own_rig.added(own, jnp.array([change]))
    expected = np.tensordot(np.float32(shares), own["added"], 1)[None]
    chex.assert_trees_all_close(found, jnp.asarray(expected), atol=1e-5)


def test_without_any_turn_nothing_is_added(own):
    none = {k: x[:0] for k, x in own.items()}
    found = own_rig.added(none, jnp.ones((2, 3)))
    chex.assert_trees_all_equal(found, jnp.zeros((2, ROWS, 512)))


def test_a_rig_with_it_adds_that_and_without_a_change_nothing(own):
    module = RigNet(features=4, hidden=6)
    network = builders.module_params(module, (1, ROWS, 512), (1, 3))
    plain = {"network": network, "mean": jnp.zeros(3), "deviation": jnp.ones(3)}
    rig, w_plus = rignet.rig("rotation", 4, 6), jnp.ones((2, ROWS, 512))
    theta = parameters.neutral((2,))
    turned = theta.replace(rotation=theta.rotation.at[:, 1].set(0.15))
    chex.assert_trees_all_equal(
        rig.edit({**plain, "own": own}, w_plus, theta, theta), w_plus
    )
    difference = rig.edit({**plain, "own": own}, w_plus, theta, turned) - rig.edit(
        plain, w_plus, theta, turned
    )
    expected = jnp.broadcast_to(own["added"][0] / 2, difference.shape)
    chex.assert_trees_all_close(difference, expected, atol=1e-5)
