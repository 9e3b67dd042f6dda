"""StyleGAN, the generator that the paper embeds into.

Karras et al., "A Style-Based Generator Architecture for Generative Adversarial
Networks", CVPR 2019, fully grown. Equalised learning rates, gains, and the 1 added to
every scale are folded into the parameters. The noise is the published fixed map.
"""

from collections.abc import Mapping as Tree

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.interfaces import Generator
from pie_jax.networks import style_based
from pie_jax.networks.layers import conv3x3, leaky_relu
from pie_jax.networks.mapping import Mapping
from pie_jax.networks.resampling import upsample_conv3x3
from pie_jax.networks.style_based import Modules

FFHQ_WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)
"""Channels at 4, 8, ..., 1024 pixels of the published network."""


class Epilogue(nn.Module):
    """Noise, bias and leaky ReLU; then the style sets every channel's mean and spread.

    That is adaptive instance normalisation.
    """

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """`x` `[B, H, W, C]` in the style `w` `[B, 512]`."""
        _, height, width, channels = x.shape
        noise = self.param("noise", nn.initializers.normal(1.0), (height, width, 1))
        weight = self.param("noise_weight", nn.initializers.zeros, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        x = leaky_relu(x + weight * noise + bias)
        style = nn.Dense(2 * channels, bias_init=_neutral_style, name="affine")(w)
        scale, shift = jnp.split(style, 2, axis=-1)
        # Normalisation and style as one multiply-add over the features.
        mean = jnp.mean(x, axis=(1, 2))
        variance = jnp.mean((x - mean[:, None, None]) ** 2, axis=(1, 2))
        factor = scale * jax.lax.rsqrt(variance + 1e-8)
        return x * factor[:, None, None] + (shift - mean * factor)[:, None, None]


def _neutral_style(key: Array, shape: tuple, dtype: jnp.dtype) -> Array:
    """Scales of one, shifts of zero."""
    del key
    return jnp.repeat(jnp.asarray([1, 0], dtype), shape[0] // 2)


class Layer(nn.Module):
    """A 3 x 3 convolution and its epilogue.

    Attributes:
        width: channels of the result.
        up: double the resolution, with a blur.
    """

    width: int
    up: bool = False

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """`x` `[B, H, W, C]` in the style `w` `[B, 512]`."""
        kernel = self.param(
            "kernel", nn.initializers.he_normal(), (3, 3, x.shape[-1], self.width)
        )
        x = upsample_conv3x3(x, kernel, -1.0) if self.up else conv3x3(x, kernel)
        return Epilogue(name="epilogue")(x, w)


class Synthesis(nn.Module):
    """W+ to image: two style inputs for every resolution, in order."""

    widths: tuple[int, ...] = FFHQ_WIDTHS

    @nn.compact
    def __call__(self, w_plus: Array) -> Array:
        """Synthesises `[B, R, R, 3]`, RGB in about [-1, 1], of `[B, num_ws, 512]`."""
        w = iter(jnp.moveaxis(w_plus, 1, 0))
        first = self.widths[0]
        const = self.param("const", nn.initializers.ones, (4, 4, first))
        x = jnp.broadcast_to(const, (w_plus.shape[0], 4, 4, first))
        x = Epilogue(name="block4_epilogue")(x, next(w))
        x = Layer(first, name="block4_conv1")(x, next(w))
        for i, width in enumerate(self.widths[1:]):
            block = f"block{8 * 2**i}"
            x = Layer(width, up=True, name=f"{block}_conv0")(x, next(w))
            x = Layer(width, name=f"{block}_conv1")(x, next(w))
        return nn.Dense(3, name="rgb")(x)


def stylegan1(
    widths: tuple[int, ...] = FFHQ_WIDTHS, mapping_layers: int = 8
) -> Generator:
    """Builds the generator; `widths` gives the channels at 4, 8, ... pixels.

    The resolution is `4 * 2 ** (len(widths) - 1)`: 1024 for the published network.
    """
    return style_based.generator(_modules(widths, mapping_layers))


def init_params(
    key: Array, widths: tuple[int, ...] = FFHQ_WIDTHS, mapping_layers: int = 8
) -> dict:
    """Draws random parameters in the layout of `stylegan1(widths, mapping_layers)`."""
    return style_based.init_params(key, _modules(widths, mapping_layers))


def sizes(params: Tree) -> tuple[tuple[int, ...], int]:
    """`widths` and `mapping_layers` that parameters, or their shapes, belong to."""
    return style_based.sizes(params, "epilogue", "bias")


def _modules(widths: tuple[int, ...], mapping_layers: int) -> Modules:
    return Modules(
        Mapping(mapping_layers),
        Synthesis(widths),
        num_ws=2 * len(widths),
        resolution=4 * 2 ** (len(widths) - 1),
    )
