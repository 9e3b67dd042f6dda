"""An aligned picture to the generator's code: where an embedding may start.

The network speaks in standard deviations along the principal axes of w (see
`latents`), so its outputs are of one size, and zero is the mean face. One code is for
all style inputs; offsets from it are few curves along the style inputs, for a portrait
that no single w shows (Richardson et al., "Encoding in Style", CVPR 2021, predict all
rows; Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021, show
why offsets should stay small).
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.images import downsample
from pie_jax.networks.resnet import STRIDE, ResNet18

SIZE = 128
"""Pixels on a side of what the network sees."""
KNOTS = 4
"""Offsets are piecewise linear along the style inputs, between so many."""

_REDUCED = 64


class Encoder(nn.Module):
    """Picture to coordinates of w and offsets of w_plus.

    Attributes:
        num_ws: the generator's number of style inputs.
        width: multiplies the body's number of channels.
    """

    num_ws: int
    width: float = 0.75

    @nn.compact
    def __call__(self, image: Array) -> tuple[Array, Array]:
        """Estimates the code of a picture.

        Args:
            image: `[B, H, H, 3]` RGB in [-1, 1], the FFHQ frame; H a multiple of
                `SIZE`, larger ones are averaged.

        Returns:
            `[B, 512]`, the code for all style inputs, and `[B, num_ws, 512]`, what is
            added to it for each: both in standard deviations along the principal axes.
        """
        image = downsample(image, image.shape[1] // SIZE)
        features = ResNet18(self.width, name="body")(2 * image)[-1]
        # Where something is says what it is in an aligned picture; so besides the
        # means, a few channels keep their places.
        placed = nn.relu(nn.Dense(_REDUCED, name="reduce")(features))
        places = (SIZE // STRIDE) ** 2 * _REDUCED
        x = jnp.concatenate(
            [features.mean(axis=(1, 2)), placed.reshape(-1, places)], axis=-1
        )
        code = nn.Dense(512, name="code")(x)
        knots = nn.Dense(
            KNOTS * 512, kernel_init=nn.initializers.zeros, name="offsets"
        )(x)
        profiles = jnp.asarray(_profiles(self.num_ws), knots.dtype)
        return code, profiles @ knots.reshape(-1, KNOTS, 512)


def to_w_plus(moments: dict[str, Array], code: Array, offsets: Array) -> Array:
    """The codes that the generator takes.

    Args:
        moments: from `latents.moments`.
        code: `[B, 512]`.
        offsets: `[B, num_ws, 512]`.

    Returns:
        `[B, num_ws, 512]`.
    """
    return moments["mean"] + (code[:, None] + offsets) @ moments["axes"].T


def _profiles(num_ws: int) -> np.ndarray:
    """`[num_ws, KNOTS]`: each knot's part in each row; a row's parts sum to 1."""
    place = np.linspace(0, KNOTS - 1, num_ws, dtype=np.float32)
    return np.maximum(
        0, 1 - np.abs(place[:, None] - np.arange(KNOTS, dtype=np.float32))
    )
