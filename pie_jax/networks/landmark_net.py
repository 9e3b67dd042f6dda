"""Landmarks within the graph: a small network that does as dlib does.

Each landmark is the mean of a probability over a coarse grid (Sun et al., "Integral
Human Pose Regression", ECCV 2018): precise to a fraction of a cell, as a regression
is, and it moves with the picture, as a heat map does.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core import ibug
from pie_jax.core.images import reduce_area
from pie_jax.core.numerics import einsum
from pie_jax.networks.layers import Conv3x3, scaled
from pie_jax.networks.resnet import ResNet18

SIZE = 128
"""Pixels on a side of what the network sees."""
_GRID = SIZE // 8


class LandmarkNet(nn.Module):
    """Aligned picture to 68 landmarks.

    Attributes:
        width: multiplies the number of channels.
    """

    width: float = 0.5

    @nn.compact
    def __call__(self, image: Array) -> Array:
        """Finds the landmarks `[B, 68, 2]`, in fractions of the frame (iBUG order, see
        `core.ibug`), of the face that fills a picture.

        It is `[B, R, R, 3]` RGB in [-1, 1], the FFHQ frame; R is arbitrary, for it is
        averaged to `SIZE` pixels, differentiably.
        """
        image = reduce_area(image, SIZE)
        _, *scales = ResNet18(self.width, name="body")(2 * image)
        features = scaled(128, self.width)
        # Sums of all scales at the finest: details, and whose they are.
        joined = sum(
            _enlarge(nn.Dense(features, name=f"join{i}")(x), 2**i)
            for i, x in enumerate(scales)
        )
        x = nn.relu(Conv3x3(features, name="head")(nn.relu(joined)))
        logits = nn.Dense(68, name="heat")(x).reshape(len(image), _GRID**2, 68)
        expected = _mean_place(jax.nn.softmax(logits, axis=1))
        # A mean lies inside the grid; chins and ears may lie at or beyond its edge.
        scale = self.param("scale", nn.initializers.ones, (68, 2))
        shift = self.param("shift", nn.initializers.zeros, (68, 2))
        return 0.5 + (expected - 0.5) * scale + shift


def both_ways(
    landmarks: Callable[[Any, Array], Array], params: Any, image: Array
) -> Array:
    """What is found in pictures `[B, R, R, 3]` and in their mirror images, the same for
    both: `[B, 68, 2]` in fractions of the frame.

    The mean is a little nearer to dlib's (docs/measurements.md). `landmarks` is the
    network's function of its parameters and pictures.
    """
    pair = jnp.concatenate([image, image[:, :, ::-1]])
    there, mirrored = jnp.split(landmarks(params, pair), 2)
    return (there + ibug.mirror(mirrored)) / 2


def _mean_place(probability: Array) -> Array:
    """`[B, _GRID ** 2, K]` to `[B, K, 2]` in fractions of the frame."""
    # Else an accelerator may round to bfloat16, which is 4 pixels at 1024.
    return einsum("bgk,gc->bkc", probability, _cells())


def _cells() -> Array:
    """Centres of the grid's cells, `[_GRID ** 2, 2]` in fractions of the frame."""
    centres = (jnp.arange(_GRID) + 0.5) / _GRID
    y, x = jnp.meshgrid(centres, centres, indexing="ij")
    return jnp.stack([x, y], axis=-1).reshape(-1, 2)


def _enlarge(x: Array, factor: int) -> Array:
    """Repeats each place `factor` times along both axes of `[B, H, W, C]`."""
    batch, height, width, channels = x.shape
    # Not `repeat`, which is a gather, and whose gradient is a scatter.
    spread = jnp.broadcast_to(
        x[:, :, None, :, None], (batch, height, factor, width, factor, channels)
    )
    return spread.reshape(batch, height * factor, width * factor, channels)
