"""MoFA's encoder: a picture to theta.

Tewari et al., "MoFA: Model-based Deep Convolutional Face Autoencoder for Unsupervised
Monocular Reconstruction", ICCV 2017, with a ResNet for its body. The decoder is the
face model itself (`face.render`), so that nothing here knows which model it is.

Who somebody is, the shape of the head, is estimated from a face recognition network's
descriptor alone, as in Zielonka et al., "Towards Metrical Reconstruction of Human
Faces", ECCV 2022. That network has seen millions of photographs; ours sees generated
faces only, and took one person's two photographs for two people's. A pose or an
expression, which descriptors leave out, cannot pass for a shape then either.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core import theta
from pie_jax.core.images import reduce_area
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.networks.dlib_resnet import CHIP_SIZE, DlibResNet
from pie_jax.networks.picture_vector import picture_vector

SIZE = 128
"""Pixels on a side of what the network sees."""
RECOGNITION = "recognition"
"""Its parameters of this name are the recognition network's, which is not trained."""
DESCRIPTOR_SIZE = 128

CHIP_WIDTH = 0.692
"""Side of the part that the recognition network sees, in widths of the FFHQ frame: the
mean of dlib's chips of 6446 generator samples (deviation 0.025)."""
CHIP_DOWN = 0.605
"""Its middle's distance from the frame's upper edge (deviation 0.008)."""

DESCRIPTOR_SCALE = 8
"""How many times as large the heads see descriptors, whose numbers deviate by 0.05 over
generator samples: then they are of the size of the body's features, and learnt as fast."""
# What one unit of a head's output means: about the deviation over generator samples,
# so that all outputs are of one size. Depth varies most, for it moves nothing far.
SCALES = {
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
        recognition_width: the recognition network's; 1 is dlib's, less is for tests.
    """

    width: float = 1.0
    size: int = SIZE
    recognition_width: float = 1.0

    @nn.compact
    def __call__(self, image: Array, descriptor: Array | None = None) -> FaceParams:
        """Estimates the face that fills a picture.

        Args:
            image: `[B, R, R, 3]` RGB in [-1, 1], the FFHQ frame; R is arbitrary, for
                the picture is averaged to `size` pixels, differentiably.
            descriptor: `[B, DESCRIPTOR_SIZE]`, who it is, if that is known: what the
                recognition network says of `chip(image)`. With it, parameters of that
                network are not needed.

        Returns:
            `[B]`; without features (all zero, and biases as they begin) the neutral
            face.
        """
        image = reduce_area(image, self.size)
        if descriptor is None:
            recognition = DlibResNet(self.recognition_width, name=RECOGNITION)
            descriptor = recognition(chip(image))
        person = DESCRIPTOR_SCALE * descriptor
        # Pose is where things are, which the vector keeps.
        x = picture_vector(image, self.width)
        # A picture alone does not tell dark skin from little light.
        both = jnp.concatenate([x, person], axis=-1)
        seen = dict.fromkeys(SIZES, x) | {
            "identity": person,
            "reflectance": both,
            "illumination": both,
        }
        begin = nn.initializers.variance_scaling(_BEGIN, "fan_in", "normal")
        parts = {
            name: nn.Dense(size, kernel_init=begin, name=name)(seen[name])
            * jnp.asarray(SCALES[name])
            for name, size in SIZES.items()
        }
        start = theta.neutral()
        return FaceParams(**{k: getattr(start, k) + v for k, v in parts.items()})


def chip(image: Array) -> Array:
    """What the recognition network sees of the FFHQ frame `[B, R, R, 3]`:
    `[B, CHIP_SIZE, CHIP_SIZE, 3]`, interpolated bilinearly; differentiable.

    dlib cuts its chips by landmarks. In this frame faces are aligned already, and one
    chip serves all.
    """
    size = image.shape[1]
    down, across = (
        jnp.asarray(_linear(size, middle), image.dtype) for middle in (CHIP_DOWN, 0.5)
    )
    return jnp.einsum("ih,bhwc,jw->bijc", down, image, across)


def _linear(size: int, middle: float) -> np.ndarray:
    """`[CHIP_SIZE, size]`, how much of each pixel there is in each of the chip."""
    centres = (np.arange(CHIP_SIZE) + 0.5) / CHIP_SIZE - 0.5
    pixels = (middle + CHIP_WIDTH * centres) * size - 0.5
    return np.maximum(0, 1 - np.abs(pixels[:, None] - np.arange(size)))
