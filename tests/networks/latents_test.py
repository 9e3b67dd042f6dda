"""Moments of the codes against samples, and coordinates along their axes."""

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


def test_moments_are_those_of_a_linear_mapping():
    mixing = builders.orthogonal(512, np.random.default_rng(0))
    found = latents.moments(linear_generator(mixing, 0.5), jnp.asarray(SCALES))
    chex.assert_shape([found["mean"], found["axes"]], [(512,), (512, 512)])
    chex.assert_type([found["mean"], found["axes"]], jnp.float32)
    np.testing.assert_allclose(found["mean"], 0.5, atol=0.06)
    covariance = (np.asarray(mixing) * SCALES**2) @ np.asarray(mixing).T
    error = found["axes"] @ found["axes"].T - covariance
    assert np.abs(error).max() < 0.05 * np.abs(covariance).max()


def test_directions_that_the_codes_do_not_fill_have_a_least_length():
    flat = np.where(np.arange(512) < 500, 1.0, 0.0)
    found = latents.moments(linear_generator(jnp.eye(512), 0.0), jnp.asarray(flat))
    lengths = np.sum(np.asarray(found["axes"]) ** 2, axis=0)
    np.testing.assert_allclose(lengths.min(), 1e-3 * 500 / 512, rtol=0.01)


def test_coordinates_are_standard_deviations_along_the_axes():
    axes = builders.orthogonal(512, np.random.default_rng(1)) * SCALES
    moments = {"mean": jnp.full(512, 0.3), "axes": axes}
    coordinates = jnp.asarray(np.random.default_rng(2).normal(size=(2, 3, 512)))
    w = moments["mean"] + coordinates @ axes.T
    np.testing.assert_allclose(latents.whiten(moments, w), coordinates, atol=2e-3)


def axes_of_any_length():
    rng = np.random.default_rng(1)
    axes = builders.orthogonal(512, rng) * rng.uniform(0.5, 2, 512)
    return {"mean": jnp.asarray(rng.normal(size=512), jnp.float32), "axes": axes}


def test_zero_is_the_mean_face():
    moments = axes_of_any_length()
    w_plus = latents.unwhiten(moments, jnp.zeros((2, 3, 512)))
    np.testing.assert_allclose(w_plus, jnp.broadcast_to(moments["mean"], (2, 3, 512)))


def test_whitening_is_undone():
    moments = axes_of_any_length()
    code = jnp.asarray(np.random.default_rng(2).normal(size=(2, 3, 512)))
    w_plus = latents.unwhiten(moments, code)
    np.testing.assert_allclose(latents.whiten(moments, w_plus), code, atol=2e-3)
