"""dlib's face recognition network: an aligned face to a descriptor.

A ResNet of 29 convolutions, channels-last. Topology: dlib's `dnn_face_recognition_ex`,
checked against the layers of the published file. It differs from the usual ResNets in
three places. The strided convolutions do not pad. The shortcut past a strided block is
a 2x2 average. Where the two sides of an addition differ in rows, columns or channels,
whichever is smaller is extended by zeros at the end. The frozen batch normalisations
are folded into the convolutions by the converter.
"""

import chex
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from pie_jax.core.images import to_255
from pie_jax.networks.layers import Conv3x3, scaled

CHIP_SIZE = 150
MEAN_RGB = (122.782, 117.001, 104.298)
"""Subtracted from pixels in [0, 255]; from the published file's input layer."""
MATCH_DISTANCE = 0.6
"""Descriptors nearer than this (Euclidean) are of one person, by dlib's training."""

# dlib divides by 256, not by 255; networks derived from this one may differ.
_PIXEL_SCALE = 256.0


_BLOCKS = (
    ("level32_1", 32, False),
    ("level32_2", 32, False),
    ("level32_3", 32, False),
    ("level64_down", 64, True),
    ("level64_1", 64, False),
    ("level64_2", 64, False),
    ("level64_3", 64, False),
    ("level128_down", 128, True),
    ("level128_1", 128, False),
    ("level128_2", 128, False),
    ("level256_down", 256, True),
    ("level256_1", 256, False),
    ("level256_2", 256, False),
    ("level256_down_out", 256, True),
)
"""Names, channels, and whether rows and columns are halved."""


def convolution_names() -> list[str]:
    """The convolutions from input to output, `/`-joined as in the parameters."""
    blocks = [f"{name}/{conv}" for name, _, _ in _BLOCKS for conv in ("conv1", "conv2")]
    return ["stem", *blocks]


class DlibResNet(nn.Module):
    """Face chip to descriptor.

    Attributes:
        width: multiplies the number of channels; 1 is dlib's, less is for tests.
    """

    width: float = 1.0

    @nn.compact
    def __call__(self, chip: Array) -> Array:
        """Describes aligned faces.

        Args:
            chip: `[B, 150, 150, 3]` RGB in [-1, 1], cut and aligned as by dlib's
                `get_face_chip` with padding 0.25.

        Returns:
            `[B, 128]`, not normalised. Euclidean distances below `MATCH_DISTANCE` mean
            the same person.
        """
        chex.assert_shape(chip, (None, CHIP_SIZE, CHIP_SIZE, 3))
        x = (to_255(chip) - jnp.asarray(MEAN_RGB, chip.dtype)) / _PIXEL_SCALE
        stem = nn.Conv(
            scaled(32, self.width), (7, 7), strides=2, padding="VALID", name="stem"
        )
        x = nn.relu(stem(x))
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding="VALID")
        for name, features, down in _BLOCKS:
            x = ResidualBlock(scaled(features, self.width), down, name=name)(x)
        # The last block's 1x1 result was extended to 2x2 by the addition: the mean runs
        # over all four places, as in dlib.
        return nn.Dense(128, use_bias=False, name="fc")(x.mean((1, 2)))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; `down` halves rows and columns."""

    features: int
    down: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[B, H, W, C]` to `[B, H', W', max(C, features)]`."""
        conv1: nn.Module
        if self.down:
            conv1 = nn.Conv(
                self.features, (3, 3), strides=2, padding="VALID", name="conv1"
            )
        else:
            conv1 = Conv3x3(self.features, name="conv1")
        conv2 = Conv3x3(self.features, name="conv2")
        shortcut = nn.avg_pool(x, (2, 2), strides=(2, 2)) if self.down else x
        return nn.relu(add_extended(conv2(nn.relu(conv1(x))), shortcut))


def add_extended(a: Array, b: Array) -> Array:
    """Adds `[B, H, W, C]` arrays, both extended by zeros to the larger sizes."""
    shape = jnp.broadcast_shapes(a.shape[:1], b.shape[:1]) + tuple(
        max(sizes) for sizes in zip(a.shape[1:], b.shape[1:], strict=True)
    )
    return _extended(a, shape) + _extended(b, shape)


def _extended(x: Array, shape: tuple[int, ...]) -> Array:
    return jnp.pad(x, [(0, to - size) for size, to in zip(x.shape, shape, strict=True)])
