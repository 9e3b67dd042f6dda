"""A picture as one vector, for networks that estimate numbers from it."""

import math
from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from pie_jax.networks.resnet import WIDTHS, ResNet18

_REDUCED = 64


def picture_vector(image: Array, width: float) -> Array:
    """Means of ResNet's features, and some features with their places.

    Where something is says what it is in an aligned picture. So besides the means, a
    few channels keep their places. Call it within a compact module, whose parameters
    `body` and `reduce` it makes.

    Args:
        image: `[B, S, S, 3]` RGB in [-1, 1], S a multiple of the network's stride.
        width: of the body.

    Returns:
        `[B, 512 width + 64 (S / 32)^2]`.
    """
    features = ResNet18(width, name="body")(2 * image)[-1]
    placed = nn.relu(nn.Dense(_REDUCED, name="reduce")(features))
    batch, *rest = placed.shape
    flat = placed.reshape(batch, math.prod(rest))
    return jnp.concatenate([features.mean(axis=(1, 2)), flat], axis=-1)


def width_of(params: Mapping) -> float:
    """The width of the body that the parameters of a caller of `picture_vector` are
    for.

    Raises:
        LookupError, TypeError: they are of no such module.
    """
    return params["body"]["stem"]["bias"].shape[0] / WIDTHS[0]
