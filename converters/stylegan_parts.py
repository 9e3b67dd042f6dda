"""What the published layouts of StyleGAN 1 and 2 have in common.

Weights are stored with unit variance; each layer multiplies them by a constant when it
runs (equalised learning rate). The transforms here fold that constant in and turn the
axes to channels-last. "Torch" axes are (out, in) and (out, in, rows, columns), those of
TensorFlow (in, out) and (rows, columns, in, out).
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from pie_jax.converters.tables import Entry

W_DIM = 512
MAPPING_RATE = 0.01
"""The mapping's learning rate multiplier, on weights as on biases."""

MEAN_SAMPLES = 16384
_MAX_COUNT = 32

Transform = Callable[[np.ndarray], np.ndarray]


def dense(factor: float, torch: bool) -> Transform:
    """A dense kernel to (in, out), times `factor`."""
    return lambda array: factor * (array.T if torch else array)


def kernel(fan_in: int, gain: float, torch: bool, turned: bool = False) -> Transform:
    """A kernel `[..., rows, columns]` or `[rows, columns, in, out]` to the latter.

    Args:
        fan_in: inputs times taps.
        gain: the layer's factor beside 1 / sqrt(fan_in).
        torch: the axes are (..., out, in, rows, columns), leading ones of length 1.
        turned: turn it by 180 degrees.
    """
    factor = gain / math.sqrt(fan_in)

    def transform(array: np.ndarray) -> np.ndarray:
        if torch:
            array = array.reshape(array.shape[-4:]).transpose(2, 3, 1, 0)
        return factor * (array[::-1, ::-1] if turned else array)

    return transform


def pointwise(fan_in: int, torch: bool) -> Transform:
    """A 1 x 1 kernel to (in, out), scaled."""
    scaled = kernel(fan_in, 1.0, torch)
    return lambda array: scaled(array)[0, 0]


def image(array: np.ndarray) -> np.ndarray:
    """`[1, C, H, W]` or `[C, H, W]` to `[H, W, C]`."""
    return array.reshape(array.shape[-3:]).transpose(1, 2, 0)


def noise(array: np.ndarray) -> np.ndarray:
    """A map `[1, 1, R, R]` or `[R, R]` to `[R, R, 1]`."""
    return array.reshape(*array.shape[-2:], 1)


def mapping_entries(
    weight: str, bias: str, num_layers: int, gain: float, torch: bool
) -> dict[str, Entry]:
    """The mapping's parameters.

    Args:
        weight: a layer's name of the weight, a template with its number from 0, `{i}`,
            or from 1, `{next}`.
        bias: that of the bias.
        num_layers: how many layers.
        gain: the factor of the weights beside 1 / sqrt(512) and the learning rate.
        torch: the axes are (out, in).
    """
    factor = gain * MAPPING_RATE / math.sqrt(W_DIM)
    entries = {}
    for i in range(num_layers):
        entries[f"mapping/dense{i}/kernel"] = Entry(
            weight.format(i=i, next=i + 1), (W_DIM, W_DIM), dense(factor, torch)
        )
        entries[f"mapping/dense{i}/bias"] = Entry(
            bias.format(i=i, next=i + 1), (W_DIM,), lambda array: MAPPING_RATE * array
        )
    return entries


def count(name: Callable[[int], str], names: Collection[str]) -> int:
    """One more than the greatest number whose name is among `names`."""
    present = [i for i in range(_MAX_COUNT) if name(i) in names]
    return max(present, default=-1) + 1


def length(names: Collection[str], arrays: Mapping[str, Any], default: int) -> int:
    """The length of the first of these vectors that is there."""
    for name in names:
        if name in arrays and np.ndim(arrays[name]) == 1:
            return len(arrays[name])
    return default


def mean_w(flat: Mapping[str, np.ndarray], num_layers: int, gain: float) -> np.ndarray:
    """The mean w `[512]` over fixed draws of z, for files that do not hold it.

    Args:
        flat: converted parameters of the mapping.
        num_layers: how many layers it has.
        gain: what multiplies each leaky ReLU.
    """
    x = np.random.default_rng(0).standard_normal((MEAN_SAMPLES, W_DIM), np.float32)
    x /= np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
    for i in range(num_layers):
        x = x @ flat[f"mapping/dense{i}/kernel"] + flat[f"mapping/dense{i}/bias"]
        x = np.float32(gain) * np.maximum(x, 0.2 * x)
    return x.mean(axis=0, dtype=np.float64).astype(np.float32)
