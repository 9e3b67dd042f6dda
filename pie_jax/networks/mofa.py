"""MoFA's encoder: a picture to theta.

Tewari et al., "MoFA: Model-based Deep Convolutional Face Autoencoder for Unsupervised
Monocular Reconstruction", ICCV 2017, with a ResNet for its body. The decoder is the
face model itself (`face.render`), so that nothing here knows which model it is.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from pie_jax.core import theta
from pie_jax.core.images import reduce_area
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.networks.picture_vector import picture_vector

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
        # Pose is where things are, which the vector keeps.
        x = picture_vector(reduce_area(image, self.size), self.width)
        begin = nn.initializers.variance_scaling(_BEGIN, "fan_in", "normal")
        parts = {
            name: nn.Dense(size, kernel_init=begin, name=name)(x)
            * jnp.asarray(_SCALES[name])
            for name, size in SIZES.items()
        }
        start = theta.neutral()
        return FaceParams(**{k: getattr(start, k) + v for k, v in parts.items()})
