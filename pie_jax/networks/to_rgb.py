"""A second, earlier output of MobileStyleGAN: its picture at a quarter of the size.

The blocks that draw the finest structures are most of the generator's work. While it was
distilled each block had an output of its own; they were not published. This one reads
the picture off the features at an eighth of the size, and off those rows of w_plus that
the blocks left out would have seen.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from pie_jax.networks.layers import depthwise_conv3x3, leaky_relu
from pie_jax.networks.mobile_stylegan import FFHQ_WIDTHS, early_features
from pie_jax.networks.wavelets import inverse_haar

CHANNELS = 64
LATER = 7
"""Rows of w_plus after the features: three for each of two blocks, and the output's."""


class ToRGB(nn.Module):
    """Features and the styles after them to a picture of twice the size."""

    @nn.compact
    def __call__(self, x: Array, w_plus: Array) -> Array:
        """`[B, S, S, C]`, and the rows of w_plus that were not used yet `[B, n, 512]`, to
        `[B, 2 S, 2 S, 3]`, RGB in about [-1, 1]."""
        later = w_plus.reshape(len(w_plus), -1)
        # As StyleGAN scales its kernels: thousands of inputs move together in training.
        later = later * later.shape[-1] ** -0.5
        x = _scaled(x, later, "first")
        direct = nn.Dense(12, name="direct")(x)
        x = nn.Dense(CHANNELS, use_bias=False, name="narrow")(x)
        for name in ("conv1", "conv2"):
            x = Depthwise(name=name)(_scaled(x, later, f"{name}_style"))
            x = leaky_relu(nn.Dense(CHANNELS, name=f"{name}_join")(x))
        return inverse_haar(direct + nn.Dense(12, name="image")(x))


class Depthwise(nn.Module):
    """A 3 x 3 convolution of each channel."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        begin = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
        return depthwise_conv3x3(x, self.param("kernel", begin, (3, 3, x.shape[-1])))


def _scaled(x: Array, later: Array, name: str) -> Array:
    """Each channel by what the later styles make of it; the parameters are the calling
    module's."""
    affine = nn.Dense(
        x.shape[-1],
        kernel_init=nn.initializers.normal(0.01),
        bias_init=nn.initializers.ones,
        name=name,
    )
    return x * affine(later)[:, None, None, :]


def preview(
    params: Any,
    generator: Any,
    w_plus: Array,
    widths: tuple[int, ...] = FFHQ_WIDTHS,
) -> Array:
    """MobileStyleGAN's pictures, small and a little soft.

    Args:
        params: of `ToRGB`.
        generator: the generator's; a portrait's tuned ones do as well.
        w_plus: `[B, num_ws, 512]`.
        widths: as of `mobile_stylegan`.

    Returns:
        `[B, R / 4, R / 4, 3]`, RGB in about [-1, 1].
    """
    x, rows = early_features(generator, w_plus, widths)
    image: Any = ToRGB().apply({"params": params}, x, rows)
    return image


def init_params(key: Array, widths: tuple[int, ...] = FFHQ_WIDTHS) -> Any:
    """Random parameters for the generator of these widths."""
    size = 2 ** (len(widths) - 1)
    blank = jnp.zeros((1, size, size, widths[-3])), jnp.zeros((1, LATER, 512))
    return ToRGB().init(key, *blank)["params"]
