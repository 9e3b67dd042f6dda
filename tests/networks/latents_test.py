import chex
import jax.numpy as jnp
import numpy as np

from pie_jax.core.interfaces import Generator
from pie_jax.networks import latents
from tests import builders

SCALES = np.geomspace(0.05, 2.0, 512)


def linear_generator(mixing, offset):
    """Codes of known mean and covariance."""
    return Generator(
        mapping=lambda params, z: offset + (z * params) @ mixing.T,
        synthesis=None,
        num_ws=3,
        resolution=8,
    )


def test_moments_are_those_of_a_linear_mapping_and_give_standard_coordinates():
    mixing = builders.orthogonal(512, np.random.default_rng(0))
    found = latents.moments(linear_generator(mixing, 0.5), jnp.asarray(SCALES))
    chex.assert_shape([found["mean"], found["axes"]], [(512,), (512, 512)])
    chex.assert_type([found["mean"], found["axes"]], jnp.float32)
    np.testing.assert_allclose(found["mean"], 0.5, atol=0.06)
    covariance = (np.asarray(mixing) * SCALES**2) @ np.asarray(mixing).T
    error = found["axes"] @ found["axes"].T - covariance
    assert np.abs(error).max() < 0.05 * np.abs(covariance).max()
    flat = np.where(np.arange(512) < 500, 1.0, 0.0)
    found = latents.moments(linear_generator(jnp.eye(512), 0.0), jnp.asarray(flat))
    lengths = np.sum(np.asarray(found["axes"]) ** 2, axis=0)
    np.testing.assert_allclose(lengths.min(), 1e-3 * 500 / 512, rtol=0.01)

    rng = np.random.default_rng(1)
    axes = builders.orthogonal(512, rng) * SCALES
    moments = {"mean": jnp.asarray(rng.normal(size=512), jnp.float32), "axes": axes}
    code = jnp.asarray(rng.normal(size=(2, 3, 512)), jnp.float32).at[0, 0].set(0)
    w_plus = latents.unwhiten(moments, code)
    np.testing.assert_allclose(w_plus, moments["mean"] + code @ axes.T, atol=1e-4)
    np.testing.assert_allclose(w_plus[0, 0], moments["mean"])
    np.testing.assert_allclose(latents.whiten(moments, w_plus), code, atol=5e-3)
