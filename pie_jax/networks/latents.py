"""The distribution of w: what codes the mapping network produces."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

NUM_SAMPLES = 16384


@struct.dataclass
class WStatistics:
    """A Gaussian in the space before the mapping network's last activation.

    There w is nearly normal (Zhu et al., "Improved StyleGAN Embedding: Where are the
    Good Latents?", arXiv 2012.09036).

    Attributes:
        mean: `[512]`.
        whiten: `[512, 512]`; `(x - mean) @ whiten` has unit covariance.
    """

    mean: Array
    whiten: Array


def undo_activation(w: Array) -> Array:
    """Undoes leaky ReLU of slope 0.2, up to a constant factor: `[..., 512]`."""
    return jnp.where(w < 0, 5.0 * w, w)


def w_statistics(mapping: Callable, params: Any, key: Array) -> WStatistics:
    """Estimates the distribution of w from samples.

    Args:
        mapping: the generator's `(params, z [B, 512]) -> w [B, 512]`.
        params: the generator's parameters.
        key: a PRNG key.
    """
    x = undo_activation(mapping(params, jax.random.normal(key, (NUM_SAMPLES, 512))))
    mean = x.mean(axis=0)
    variances, axes = jnp.linalg.eigh(jnp.cov(x, rowvar=False))
    # Directions that never vary would weigh infinitely: at most a thousandth of the
    # largest deviation is taken for the smallest.
    deviations = jnp.sqrt(jnp.maximum(variances, 1e-6 * variances[-1]))
    return WStatistics(mean=mean, whiten=axes / deviations)


def surprise(w: Array, statistics: WStatistics) -> Array:
    """How far w is from the codes that the mapping network produces.

    Args:
        w: `[..., 512]`.
        statistics: of the generator.

    Returns:
        `[...]`, the mean squared coordinate after whitening; 1 on average for samples.
    """
    x = (undo_activation(w) - statistics.mean) @ statistics.whiten
    return jnp.mean(x**2, axis=-1)
