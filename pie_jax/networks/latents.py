"""Where a generator's codes w lie: their mean and covariance."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.interfaces import Generator
from pie_jax.core.numerics import matmul

NUM_SAMPLES = 20_000
_FLOOR = 1e-3


def moments(
    generator: Generator, params: Any, num_samples: int = NUM_SAMPLES
) -> dict[str, Array]:
    """Estimates the distribution of w, always from the same `num_samples` draws of z.

    Returns:
        `mean` `[512]`, and `axes` `[512, 512]`, whose columns are the principal axes,
        each one standard deviation long. Variances below a thousandth of their mean
        count as that thousandth.
    """
    z = jax.random.normal(jax.random.key(0), (num_samples, 512))
    w = np.asarray(jax.jit(generator.mapping)(params, z), np.float64)
    variances, directions = np.linalg.eigh(np.cov(w, rowvar=False))
    floored = np.maximum(variances, _FLOOR * variances.mean())
    found = {"mean": w.mean(axis=0), "axes": directions * np.sqrt(floored)}
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), found)


def whiten(moments: dict[str, Array], w: Array) -> Array:
    """Coordinates `[..., 512]` of codes along the principal axes, in standard
    deviations.

    Over the generator's codes they are of mean 0, uncorrelated, and of variance 1; less
    along the axes whose length is the floor of `moments`.
    """
    axes = moments["axes"]
    return matmul(w - moments["mean"], axes / jnp.sum(axes**2, axis=0))


def unwhiten(moments: dict[str, Array], code: Array) -> Array:
    """The codes of coordinates in standard deviations, the inverse of `whiten`."""
    return moments["mean"] + matmul(code, moments["axes"].T)
