"""What is StyleGAN 2's own; the rest holds of every style-based generator."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import stylegan2
from tests import builders


@pytest.mark.parametrize("up", [False, True])
def test_demodulation_removes_the_strength_of_a_style(up):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 4, 4, 5)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(2, 512)), jnp.float32)
    conv = stylegan2.StyledConv(3, up=up)
    params = builders.module_params(conv, x, w)
    stronger = params | {"affine": jax.tree.map(lambda a: 7 * a, params["affine"])}
    before = conv.apply({"params": params}, x, w)
    after = conv.apply({"params": stronger}, x, w)
    chex.assert_shape(before, (2, 8, 8, 3) if up else (2, 4, 4, 3))
    np.testing.assert_allclose(after, before, atol=1e-4)
