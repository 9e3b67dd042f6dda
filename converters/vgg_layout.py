"""VGG-16's convolutions as a table, in any of the forms in which they are published."""

from collections.abc import Callable, Sequence

import numpy as np
from pie_jax.converters.tables import Entry, unchanged

from pie_jax.networks.layers import scaled
from pie_jax.networks.vgg_blocks import Block


def convolutions(
    blocks: Sequence[Block],
    names: Callable[[str], tuple[str, str]],
    width: float,
    *,
    torch: bool,
) -> dict[str, Entry]:
    """Where each kernel and each bias comes from.

    Args:
        blocks: those of the network (`vgg_blocks.BLOCKS`).
        names: a layer's name of `blocks` to the file's of its kernel and bias.
        width: multiplies the number of channels.
        torch: kernels are (out, in, rows, columns), not (rows, columns, in, out).
    """
    entries = {}
    inputs = 3
    for features, layers in blocks:
        outputs = scaled(features, width)
        for layer in layers:
            kernel, bias = names(layer)
            shape = (outputs, inputs, 3, 3) if torch else (3, 3, inputs, outputs)
            transform = from_torch if torch else unchanged
            entries[f"{layer}/kernel"] = Entry(kernel, shape, transform)
            entries[f"{layer}/bias"] = Entry(bias, (outputs,))
            inputs = outputs
    return entries


def from_torch(kernel: np.ndarray) -> np.ndarray:
    """(out, in, rows, columns) to (rows, columns, in, out)."""
    return kernel.transpose(2, 3, 1, 0)
