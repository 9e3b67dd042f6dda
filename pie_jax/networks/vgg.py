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
from pie_jax.networks import vgg_blocks
from pie_jax.networks.vgg_blocks import convolve

TAPS = {
    "conv1_1": "block1_conv1",
    "conv1_2": "block1_conv2",
    "conv3_2": "block3_conv2",
    "conv4_2": "block4_conv2",
}
"""The paper's names of the features and the layers that give them."""

BLOCKS = (
    *vgg_blocks.BLOCKS[:3],
    (512, ("block4_conv1", "block4_conv2")),
)
"""Channels and convolutions of each block, up to the last tap."""

MEAN_BGR = (103.939, 116.779, 123.68)
"""ImageNet's mean pixel in [0, 255], as Keras and Caffe have it."""

MIN_SIZE = 8
"""The smallest rows and columns that three poolings leave something of."""


class VGG16(nn.Module):
    """Image to post-ReLU features at the four layers of the perceptual term.

    Its parameters are the convolutions and `mean` `[3]`, the pixel (B, G, R) in
    [0, 255] that is subtracted before the first of them. The published weights differ
    in it, and no bias can stand for it: the zeros around the image are padded after the
    subtraction, so they have the mean's colour.

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
        mean = self.param("mean", lambda key: jnp.asarray(MEAN_BGR, jnp.float32))
        centred = to_255(image)[..., ::-1] - mean.astype(image.dtype)
        outputs = convolve(centred, BLOCKS, self.width)
        return {tap: outputs[name] for tap, name in TAPS.items()}
