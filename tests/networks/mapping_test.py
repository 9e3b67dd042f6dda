import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks.mapping import Mapping
from tests import builders


@pytest.mark.parametrize(("num_layers", "gain"), [(8, 1.0), (2, np.sqrt(2))])
def test_it_agrees_with_numpy(num_layers, gain):
    module = Mapping(num_layers, float(gain), w_dim=16)
    params = builders.module_params(module, (1, 16))
    assert len(params) == num_layers
    z = np.random.default_rng(2).normal(2, 3, (3, 16)).astype(np.float32)
    x = z / np.sqrt((z**2).mean(axis=1, keepdims=True))
    for i in range(num_layers):
        layer = params[f"dense{i}"]
        x = x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
        x = gain * np.where(x > 0, x, 0.2 * x)
    w = jax.jit(lambda z: module.apply({"params": params}, z))(z)
    chex.assert_type(w, jnp.float32)
    np.testing.assert_allclose(w, x, rtol=1e-4, atol=1e-4)
