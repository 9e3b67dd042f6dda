"""What the published layouts of StyleGAN 1 and 2 have in common.

Weights are stored with unit variance; each layer multiplies them by a constant when it
runs (equalised learning rate). The transforms here fold that constant in and turn the
axes to channels-last. "Torch" axes are (out, in) and (out, in, rows, columns), those of
TensorFlow (in, out) and (rows, columns, in, out).
"""

import math
from collections.abc import Callable

import numpy as np
from pie_jax.converters.tables import Entry

W_DIM = 512
MAPPING_RATE = 0.01
"""The mapping's learning rate multiplier, on weights as on biases."""

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


def kernel_shape(taps: int, inputs: int, outputs: int, torch: bool) -> tuple[int, ...]:
    """The shape of a square kernel as it is stored."""
    if torch:
        return (outputs, inputs, taps, taps)
    return (taps, taps, inputs, outputs)


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


def numbered(template: str, layer: int) -> str:
    """A name that belongs to a layer of the mapping: of a template with the layer's
    number from 0, `{i}`, or from 1, `{next}`."""
    return template.format(i=layer, next=layer + 1)


def mapping_entries(
    weight: str, bias: str, num_layers: int, gain: float, torch: bool
) -> dict[str, Entry]:
    """The mapping's parameters.

    Args:
        weight: a layer's name of the weight, a template for `numbered`.
        bias: that of the bias.
        gain: the factor of the weights beside 1 / sqrt(512) and the learning rate.
        torch: the axes are (out, in).
    """
    factor = gain * MAPPING_RATE / math.sqrt(W_DIM)
    entries = {}
    for i in range(num_layers):
        entries[f"mapping/dense{i}/kernel"] = Entry(
            numbered(weight, i), (W_DIM, W_DIM), dense(factor, torch)
        )
        entries[f"mapping/dense{i}/bias"] = Entry(
            numbered(bias, i), (W_DIM,), lambda array: MAPPING_RATE * array
        )
    return entries


def style_entries(
    place: str, weight: str, bias: str, added: np.ndarray, torch: bool
) -> dict[str, Entry]:
    """The affine function by which the layer of linen name `place` makes its style of
    w.

    Args:
        added: `[length of the style]`, what the original program adds to the style.
        torch: the axes are (out, in).
    """
    size = len(added)
    return {
        f"{place}/affine/kernel": Entry(
            weight,
            (size, W_DIM) if torch else (W_DIM, size),
            dense(W_DIM**-0.5, torch),
        ),
        f"{place}/affine/bias": Entry(bias, (size,), lambda array: array + added),
    }
