"""What is StyleGAN 1's own; the rest holds of every style-based generator."""

import jax.numpy as jnp
import numpy as np

from pie_jax.networks import stylegan1
from tests import builders


def test_the_style_sets_mean_and_spread_of_every_channel():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(3, 2, (2, 8, 8, 5)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(2, 512)), jnp.float32)
    epilogue = stylegan1.Epilogue()
    params = builders.module_params(epilogue, x, w)
    affine = params["affine"]
    scale, shift = np.split(w @ affine["kernel"] + affine["bias"], 2, axis=-1)
    styled = epilogue.apply({"params": params}, x, w)
    np.testing.assert_allclose(styled.mean(axis=(1, 2)), shift, atol=1e-4)
    np.testing.assert_allclose(styled.std(axis=(1, 2)), np.abs(scale), atol=1e-4)
