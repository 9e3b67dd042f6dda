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

from pie_jax.core.images import reduce_area
from pie_jax.networks.picture_vector import picture_vector

SIZE = 128
"""Pixels on a side of what the network sees."""
KNOTS = 4
"""Offsets are piecewise linear along the style inputs, between so many."""


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
            image: `[B, R, R, 3]` RGB in [-1, 1], the FFHQ frame; R is arbitrary, for
                the picture is averaged to `SIZE` pixels, differentiably.

        Returns:
            `[B, 512]`, the code for all style inputs, and `[B, num_ws, 512]`, what is
            added to it for each: both in standard deviations along the principal axes.
        """
        x = picture_vector(reduce_area(image, SIZE), self.width)
        code = nn.Dense(512, name="code")(x)
        knots = nn.Dense(
            KNOTS * 512, kernel_init=nn.initializers.zeros, name="offsets"
        )(x)
        profiles = jnp.asarray(_profiles(self.num_ws), knots.dtype)
        return code, profiles @ knots.reshape(len(image), KNOTS, 512)


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
