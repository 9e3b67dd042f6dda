"""VGG-16's blocks of convolutions, whatever the network was trained for.

Channels-last, with Keras's layer names (Simonyan and Zisserman 2015, configuration D).
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from pie_jax.networks.layers import Conv3x3, scaled

Block = tuple[int, tuple[str, ...]]
"""Channels, and names of the convolutions."""

BLOCKS: tuple[Block, ...] = (
    (64, ("block1_conv1", "block1_conv2")),
    (128, ("block2_conv1", "block2_conv2")),
    (256, ("block3_conv1", "block3_conv2", "block3_conv3")),
    (512, ("block4_conv1", "block4_conv2", "block4_conv3")),
    (512, ("block5_conv1", "block5_conv2", "block5_conv3")),
)
"""All of them; a pooling stands after each."""


def convolve(x: Array, blocks: Sequence[Block], width: float) -> dict[str, Array]:
    """Runs blocks, with a pooling between one and the next.

    To be called inside a compact method: the convolutions become submodules there.

    Args:
        x: `[B, H, W, C]`.
        blocks: the first of `BLOCKS`, the last of them perhaps in part.
        width: multiplies the number of channels.

    Returns:
        Each convolution's output after the ReLU, by its name.
    """
    outputs = {}
    for index, (features, names) in enumerate(blocks):
        if index:
            x = max_pool_2x2(x)
        for name in names:
            x = nn.relu(Conv3x3(scaled(features, width), name=name)(x))
            outputs[name] = x
    return outputs


def max_pool_2x2(x: Array) -> Array:
    """The maximum of each 2x2 square, `[B, H, W, C]` to `[B, H/2, W/2, C]`.

    An odd last row or column is dropped. Where values tie, the gradient is shared
    between them.

    This is the usual pooling, written as maxima of neighbours because XLA's gradient of
    a windowed maximum (select-and-scatter) is slow on CPU. At 256 x 256 the trunk to
    conv4_2, forward and backward, takes about a tenth less time so.
    """
    batch, rows, columns, channels = x.shape
    x = x[:, : rows // 2 * 2, : columns // 2 * 2]
    x = x.reshape(batch, rows // 2, 2, columns // 2, 2, channels)
    x = jnp.maximum(x[:, :, 0], x[:, :, 1])
    return jnp.maximum(x[:, :, :, 0], x[:, :, :, 1])
