"""VGG-16's convolutional trunk up to conv4_2: an image to perceptual features.

Channels-last, with Keras's layer names. Taps are read after the ReLU: that is what
Keras calls a layer's output. The paper names the layers only, neither the side of the
ReLU nor the file of weights, so this is our reading.
"""

import chex
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from pie_jax.core.images import to_255
from pie_jax.networks.layers import Conv3x3

TAPS = {
    "conv1_1": "block1_conv1",
    "conv1_2": "block1_conv2",
    "conv3_2": "block3_conv2",
    "conv4_2": "block4_conv2",
}
"""The paper's names of the features and the layers that give them."""

BLOCKS = (
    (64, ("block1_conv1", "block1_conv2")),
    (128, ("block2_conv1", "block2_conv2")),
    (256, ("block3_conv1", "block3_conv2", "block3_conv3")),
    (512, ("block4_conv1", "block4_conv2")),
)
"""Channels and convolutions of each block; a pooling stands between blocks."""

MEAN_BGR = (103.939, 116.779, 123.68)
"""ImageNet's mean pixel in [0, 255], subtracted as these weights expect."""

MIN_SIZE = 8
"""The smallest rows and columns that three poolings leave something of."""


class VGG16(nn.Module):
    """Image to post-ReLU features at the four layers of the perceptual term.

    Attributes:
        width: multiplies the number of channels; 1 is VGG-16, less is for tests.
    """

    width: float = 1.0

    @nn.compact
    def __call__(self, image: Array) -> dict[str, Array]:
        """Computes the features that are compared.

        Args:
            image: `[B, H, W, 3]` RGB in [-1, 1]; H and W are at least `MIN_SIZE`. The
                resolution is the caller's choice (the paper: a quarter of 1024).

        Returns:
            `conv1_1` and `conv1_2` `[B, H, W, 64]`, `conv3_2` `[B, H/4, W/4, 256]`,
            `conv4_2` `[B, H/8, W/8, 512]`; sizes are rounded down, values are >= 0.

        Raises:
            ValueError: the image is smaller than `MIN_SIZE`.
        """
        chex.assert_shape(image, (None, None, None, 3))
        if min(image.shape[1:3]) < MIN_SIZE:
            raise ValueError(
                f"an image of at least {MIN_SIZE} rows and columns was expected, "
                f"{image.shape[1:3]} came"
            )
        x = _centred_bgr(image)
        outputs = {}
        for index, (features, names) in enumerate(BLOCKS):
            if index:
                x = max_pool_2x2(x)
            for name in names:
                channels = max(1, round(features * self.width))
                x = nn.relu(Conv3x3(channels, name=name)(x))
                outputs[name] = x
        return {tap: outputs[name] for tap, name in TAPS.items()}


def max_pool_2x2(x: Array) -> Array:
    """The maximum of each 2x2 square, `[B, H, W, C]` to `[B, H/2, W/2, C]`.

    An odd last row or column is dropped. Where values tie, the gradient is shared
    between them.

    This is the usual pooling, written as maxima of neighbours because XLA's gradient of
    a windowed maximum (select-and-scatter) is slow on CPU. At 256 x 256 the whole
    trunk, forward and backward, takes about a tenth less time so.
    """
    batch, rows, columns, channels = x.shape
    x = x[:, : rows // 2 * 2, : columns // 2 * 2]
    x = x.reshape(batch, rows // 2, 2, columns // 2, 2, channels)
    x = jnp.maximum(x[:, :, 0], x[:, :, 1])
    return jnp.maximum(x[:, :, :, 0], x[:, :, :, 1])


def _centred_bgr(image: Array) -> Array:
    return to_255(image)[..., ::-1] - jnp.asarray(MEAN_BGR, image.dtype)
