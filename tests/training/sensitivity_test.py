"""The probe against a linear generator, whose Jacobian is known."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.training import sensitivity
from tests import builders

NUM_WS, SIDE = 3, 4


def test_the_mean_over_probes_is_the_squared_length_of_the_columns():
    rng = np.random.default_rng(0)
    scales = np.array([0.5, 1.0, 2.0])[:, None] * rng.uniform(0.2, 2, 512)
    matrix = rng.normal(size=(SIDE * SIDE * 3, NUM_WS, 512)) * scales

    def synthesis(params, w_plus):
        pixels = jnp.einsum("pni,bni->bp", params, w_plus)
        small = pixels.reshape(-1, SIDE, SIDE, 3)
        return small.repeat(2, axis=1).repeat(2, axis=2)

    axes = np.asarray(builders.orthogonal(512, rng)) * rng.uniform(0.5, 2, 512)

    def probe(key):
        code = jnp.zeros((NUM_WS, 512))
        return sensitivity.probe(
            synthesis, jnp.asarray(matrix), jnp.asarray(axes), key, code, SIDE
        )

    keys = jax.random.split(jax.random.key(0), 1000)
    common, rows = (
        x.mean(0) for x in jax.jit(jax.lax.map, static_argnums=0)(probe, keys)
    )
    chex.assert_shape([common, rows], [(512,), (NUM_WS, 512)])
    columns = matrix @ axes
    # A thousand probes leave an error of sqrt(2 / 1000) in each.
    expected = np.mean(columns**2, axis=0)
    assert np.abs(rows / expected - 1).mean() < 0.06
    together = np.mean(columns.sum(axis=1) ** 2, axis=0)
    assert np.abs(common / together - 1).mean() < 0.06
