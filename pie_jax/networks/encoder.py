"""An aligned picture to the generator's code: where an embedding may start.

A linear function of a thumbnail, of low rank. It speaks in standard deviations along
the principal axes of w (see `latents`), so its outputs are of one size, and zero is the
mean face. The rows of w_plus lie on few curves along the style inputs, for a portrait
that no single w shows (Richardson et al., "Encoding in Style", CVPR 2021, predict all
rows; Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021, show
why rows should stay near each other).
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.images import reduce_area

SIZE = 32
"""Pixels on a side of what the network sees."""
KNOTS = 4
"""Rows are piecewise linear along the style inputs, between so many."""


class Encoder(nn.Module):
    """Picture to coordinates of w_plus.

    Attributes:
        num_ws: the generator's number of style inputs.
        rank: numbers that a picture is described by.
    """

    num_ws: int
    rank: int = 64

    @nn.compact
    def __call__(self, image: Array) -> Array:
        """The code `[B, num_ws, 512]` of a picture, in standard deviations along the
        axes.

        It is `[B, R, R, 3]` RGB in [-1, 1], the FFHQ frame; R is arbitrary, for it is
        averaged to `SIZE` pixels, differentiably.
        """
        pixels = reduce_area(image, SIZE).reshape(len(image), -1)
        x = nn.Dense(self.rank, use_bias=False, name="reduce")(pixels)
        knots = nn.Dense(KNOTS * 512, name="knots")(x)
        curves = jnp.asarray(profiles(self.num_ws), knots.dtype)
        return curves @ knots.reshape(len(image), KNOTS, 512)


def rank_of(params: dict) -> int:
    """The `rank` of a network, by its parameters."""
    return params["reduce"]["kernel"].shape[-1]


def profiles(num_ws: int) -> np.ndarray:
    """`[num_ws, KNOTS]`: each knot's part in each row; a row's parts sum to 1."""
    place = np.linspace(0, KNOTS - 1, num_ws, dtype=np.float32)
    return np.maximum(
        0, 1 - np.abs(place[:, None] - np.arange(KNOTS, dtype=np.float32))
    )
