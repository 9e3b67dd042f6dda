"""MoFA's encoder: a picture to theta.

Tewari et al., "MoFA: Model-based Deep Convolutional Face Autoencoder for Unsupervised
Monocular Reconstruction", ICCV 2017, with a ResNet for its body. The decoder is the
face model itself (`face.render`), so that nothing here knows which model it is.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core import theta
from pie_jax.core.images import downsample
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.networks.resnet import STRIDE, ResNet18

SIZE = 128
"""Pixels on a side of what the network sees."""

# What one unit of a head's output means: about the deviation over generator samples,
# so that all outputs are of one size. Depth varies most, for it moves nothing far.
_SCALES = {
    "rotation": (0.2, 0.3, 0.1),
    "translation": (0.1, 0.1, 0.5),
    "identity": (1.0,) * SIZES["identity"],
    "reflectance": (1.0,) * SIZES["reflectance"],
    "expression": (1.0,) * SIZES["expression"],
    "illumination": (0.5,) * SIZES["illumination"],
}
_REDUCED = 64
# Of the initial weights: outputs begin near the neutral face, yet not equal.
_BEGIN = 0.05


class MoFA(nn.Module):
    """Picture to theta.

    Attributes:
        width: multiplies the body's number of channels.
        size: pixels on a side of what the body sees, a multiple of its stride.
    """

    width: float = 1.0
    size: int = SIZE

    @nn.compact
    def __call__(self, image: Array) -> FaceParams:
        """Estimates the face that fills a picture.

        Args:
            image: `[B, R, R, 3]` RGB in [-1, 1], the FFHQ frame; R is arbitrary, for
                the picture is averaged to `size` pixels, differentiably.

        Returns:
            `[B]`; without features (all zero, and biases as they begin) the neutral
            face.
        """
        image = reduce_area(image, self.size)
        features = ResNet18(self.width, name="body")(2 * image)[-1]
        # Pose is where things are. So besides the means, a few channels keep places.
        placed = nn.relu(nn.Dense(_REDUCED, name="reduce")(features))
        places = (self.size // STRIDE) ** 2 * _REDUCED
        x = jnp.concatenate(
            [features.mean(axis=(1, 2)), placed.reshape(-1, places)], axis=-1
        )
        begin = nn.initializers.variance_scaling(_BEGIN, "fan_in", "normal")
        parts = {
            name: nn.Dense(size, kernel_init=begin, name=name)(x)
            * jnp.asarray(_SCALES[name])
            for name, size in SIZES.items()
        }
        start = theta.neutral()
        return FaceParams(**{k: getattr(start, k) + v for k, v in parts.items()})


def width_of(params: dict) -> float:
    """The attribute `width` of the module that these parameters are for."""
    channels = params["body"]["stem"]["bias"].shape[0]
    return channels / 64


def reduce_area(image: Array, size: int) -> Array:
    """Averages a square picture over the area of each new pixel.

    Args:
        image: `[B, R, R, C]`.
        size: pixels on a side of the result; where it is above R, pixels repeat.

    Returns:
        `[B, size, size, C]`.
    """
    resolution = image.shape[1]
    if resolution % size == 0:
        return downsample(image, resolution // size)
    weights = jnp.asarray(_overlaps(resolution, size), image.dtype)
    return jnp.einsum("ih,bhwc,jw->bijc", weights, image, weights)


def _overlaps(old: int, new: int) -> np.ndarray:
    """`[new, old]`: each old pixel's share in each new one; rows sum to 1."""
    edges = np.arange(new + 1) * old / new
    first, last = edges[:-1, None], edges[1:, None]
    pixels = np.arange(old)
    shared = np.minimum(last, pixels + 1) - np.maximum(first, pixels)
    return np.maximum(shared, 0) * new / old
