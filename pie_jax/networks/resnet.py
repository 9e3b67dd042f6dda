"""ResNet-18's body: an image to features at four scales.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with three
changes that make it fast on XLA's CPU backend and trainable at any batch size.
Convolutions are all 3 x 3 of stride 1 (`layers.conv3x3`, with its fast gradient), for
strided ones have slow gradients there; a 2 x 2 mean takes the stride's place, in the
main path and in the shortcut as in ResNet-D (He et al., "Bag of Tricks", CVPR 2019).
The stem sees squares of 2 x 2 pixels as channels. And groups of channels are
normalised within each image (Wu and He, "Group Normalization", ECCV 2018) in place of
batches, so that inference is the same function as training and one picture's result
does not depend on its neighbours.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from pie_jax.core.images import downsample
from pie_jax.networks.layers import Conv3x3, scaled

WIDTHS = (64, 128, 256, 512)
"""Channels at a quarter, an eighth, a 16th and a 32nd of the image's size."""
STRIDE = 32
"""The image's sides are multiples of this."""

_GROUP = 16
_EPSILON = 1e-5


class ResNet18(nn.Module):
    """Image to features.

    Attributes:
        width: multiplies the number of channels, in steps of 1/64; 1 is ResNet-18's.
    """

    width: float = 1.0

    @nn.compact
    def __call__(self, image: Array) -> tuple[Array, ...]:
        """Computes the features of all scales; those not used cost nothing.

        Args:
            image: `[B, H, W, 3]` RGB in [-1, 1]; H and W are multiples of `STRIDE`.

        Returns:
            `[B, H/4, W/4, 64 width]`, `[B, H/8, W/8, 128 width]`,
            `[B, H/16, W/16, 256 width]`, `[B, H/32, W/32, 512 width]`, all >= 0.

        Raises:
            ValueError: a side of the image is no multiple of `STRIDE`.
        """
        if any(side % STRIDE for side in image.shape[1:3]):
            raise ValueError(
                f"sides that are multiples of {STRIDE} were expected, "
                f"{image.shape[1:3]} came"
            )
        # From one number, so that the first stage tells the width, as
        # `picture_vector.width_of` has it.
        first = scaled(WIDTHS[0], self.width)
        channels = [first * features // WIDTHS[0] for features in WIDTHS]
        x = Conv3x3(channels[0], name="stem")(_space_to_depth(image))
        x = downsample(nn.relu(GroupNorm(name="stem_norm")(x)), 2)
        outputs = []
        for i, features in enumerate(channels):
            x = Block(features, down=i > 0, name=f"stage{i}_block0")(x)
            x = Block(features, name=f"stage{i}_block1")(x)
            outputs.append(x)
        return tuple(outputs)


class Block(nn.Module):
    """Two convolutions and a shortcut; `down` halves rows and columns."""

    features: int
    down: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[B, H, W, C]` to `[B, H', W', features]`."""
        if self.down:
            x = downsample(x, 2)
        y = nn.relu(GroupNorm(name="norm1")(Conv3x3(self.features, name="conv1")(x)))
        y = Conv3x3(self.features, name="conv2")(y)
        # Zero at first, so that each block begins as its shortcut alone.
        y = GroupNorm(scale_init=nn.initializers.zeros, name="norm2")(y)
        if x.shape[-1] != self.features:
            x = nn.Dense(self.features, use_bias=False, name="shortcut")(x)
        return nn.relu(x + y)


class GroupNorm(nn.Module):
    """Normalises groups of channels within each image, then scales and shifts.

    Groups have 16 channels; or the next larger number that divides the channels.

    Sums are taken per channel first, which XLA does along the memory, and joined to
    groups afterwards: a reshape to groups would make it stride through the image.
    """

    scale_init: nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[B, H, W, C]`; fewer than 32 channels are one group."""
        channels = x.shape[-1]
        scale = self.param("scale", self.scale_init, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        mean = _over_groups(jnp.mean(x, axis=(1, 2)))
        # Rounding may leave a constant group with a variance just below zero.
        variance = _over_groups(jnp.mean(x**2, axis=(1, 2))) - mean**2
        factor = scale * lax.rsqrt(jnp.maximum(variance, 0) + _EPSILON)
        return x * factor[:, None, None] + (bias - mean * factor)[:, None, None]


def _over_groups(x: Array) -> Array:
    """Replaces `[B, C]` by the means of their groups."""
    batch, channels = x.shape
    most = max(1, channels // _GROUP)
    count = next(n for n in range(most, 0, -1) if channels % n == 0)
    grouped = x.reshape(batch, count, channels // count)
    means = grouped.mean(axis=-1, keepdims=True)
    return jnp.broadcast_to(means, grouped.shape).reshape(batch, channels)


def _space_to_depth(image: Array) -> Array:
    """`[B, H, W, C]` to `[B, H/2, W/2, 4 C]`."""
    batch, height, width, channels = image.shape
    x = image.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return jnp.moveaxis(x, 2, 3).reshape(batch, height // 2, width // 2, 4 * channels)
