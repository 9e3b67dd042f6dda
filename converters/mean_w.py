"""The mean w of a mapping network, for files that do not hold it."""

from collections.abc import Mapping

import numpy as np
from pie_jax.converters.stylegan_parts import W_DIM

SAMPLES = 16384


def estimate(
    flat: Mapping[str, np.ndarray],
    num_layers: int,
    gain: float,
    samples: int = SAMPLES,
) -> np.ndarray:
    """The mean w `[512]` over fixed draws of z, always the same for the same
    parameters.

    Args:
        flat: converted parameters, those of the mapping among them.
        num_layers: how many layers it has.
        gain: what multiplies each leaky ReLU.
        samples: how many draws; with the default the standard error of an element is
            0.008 of its deviation.
    """
    x = np.random.default_rng(0).standard_normal((samples, W_DIM), np.float32)
    x /= np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
    for i in range(num_layers):
        x = x @ flat[f"mapping/dense{i}/kernel"] + flat[f"mapping/dense{i}/bias"]
        x = np.float32(gain) * np.maximum(x, 0.2 * x)
    return x.mean(axis=0, dtype=np.float64).astype(np.float32)
