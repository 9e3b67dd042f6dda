"""VGG-Face: a loosely cut face to a descriptor of the person.

Parkhi, Vedaldi and Zisserman, Deep Face Recognition (BMVC 2015): VGG-16 trained to tell
2622 people apart, without the layer that tells them. Channels-last.
"""

import chex
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from pie_jax.core.images import to_255
from pie_jax.networks.layers import scaled
from pie_jax.networks.vgg_blocks import BLOCKS, convolve, max_pool_2x2

SIZE = 224
MEAN_RGB = (129.1863, 104.7624, 93.5940)
"""The mean pixel of its training faces in [0, 255], red first."""
GRID = SIZE // 2 ** len(BLOCKS)
"""Rows and columns that the poolings leave."""
FEATURES = 4096


class VGGFace(nn.Module):
    """Face to descriptor: the output of fc7.

    PIE names VGG-Face but no layer. fc7 is what the network's authors compare, after
    the ReLU and scaled to length 1. It is not scaled here (ours): between descriptors
    of length 1 and without negative values squared distances are at most 2, while PIE
    reports 43 to 275 of them (its table 2) beside a weight of 0.1.

    Attributes:
        width: multiplies the number of channels; 1 is VGG-Face, less is for tests.
    """

    width: float = 1.0

    @nn.compact
    def __call__(self, face: Array) -> Array:
        """Describes faces; `[B, 4096]`, >= 0, not normalised.

        Args:
            face: `[B, 224, 224, 3]` RGB in [-1, 1], upright, the whole head in the
                picture. It need not be aligned precisely.
        """
        chex.assert_shape(face, (None, SIZE, SIZE, 3))
        x = to_255(face) - jnp.asarray(MEAN_RGB, face.dtype)
        x = max_pool_2x2(convolve(x, BLOCKS, self.width)["block5_conv3"])
        x = x.reshape(len(x), -1)
        for name in ("fc6", "fc7"):
            x = nn.relu(nn.Dense(scaled(FEATURES, self.width), name=name)(x))
        return x
