import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from experiments import mofa_heads
from experiments.mofa_heads import Affine, Refit
from pie_jax.core.errors import PieError
from pie_jax.io.arrays import Arrays
from pie_jax.networks import mofa
from tests import builders


def refitted(heads):
    """Pictures, MoFA's parameters, and what it says of them before and after `heads`, a
    function of its arrays to others."""
    network = mofa.MoFA(width=1 / 8, size=32, recognition_width=1 / 8)
    rng = np.random.default_rng(0)
    image = jnp.asarray(rng.uniform(-1, 1, (3, 32, 32, 3)), jnp.float32)
    params = builders.module_params(network, image)
    arrays = traverse_util.flatten_dict(jax.tree.map(np.asarray, params), sep="/")
    apply = jax.jit(network.apply)
    said = [
        apply({"params": traverse_util.unflatten_dict(x, sep="/")}, image)
        for x in (arrays, arrays | heads(arrays))
    ]
    return image, params, *said


def test_a_head_that_is_read_and_written_is_the_same():
    def again(arrays):
        names = ("reflectance", "illumination", "rotation")
        return mofa_heads.written(
            arrays, {k: mofa_heads.read(arrays, k) for k in names}
        )

    *_, before, after = refitted(again)
    for one, other in zip(*map(jax.tree.leaves, (before, after)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_maps_are_composed_and_added():
    rng = np.random.default_rng(0)
    first = Affine(rng.normal(size=(4, 3)), rng.normal(size=3))
    second = Affine(rng.normal(size=(3, 2)), rng.normal(size=2))
    x = rng.normal(size=(5, 4))
    np.testing.assert_allclose(second.after(first)(x), second(first(x)))
    np.testing.assert_allclose(first.plus(first)(x), 2 * first(x))


def test_what_is_not_finite_is_not_written(tmp_path):
    file = Arrays({"reflectance/kernel": np.array([1.0])}, {})
    refit = Refit(None, file, None, None, None, None, {})
    with pytest.raises(PieError, match="not finite: reflectance/kernel"):
        mofa_heads.export(refit, {"reflectance/kernel": np.array([np.inf])})
