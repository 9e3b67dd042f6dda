"""StyleGAN 2 with skip connections, the generator of configurations E and F.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020. The
style scales the features rather than the kernels, which is the same and lets a batch
share one convolution. Equalised learning rates, and the 1 added to every style, are
folded into the parameters. The noise is the published fixed map.
"""

from collections.abc import Mapping as Tree

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.interfaces import Generator
from pie_jax.networks import style_based
from pie_jax.networks.layers import conv3x3, leaky_relu
from pie_jax.networks.mapping import GAIN, Mapping
from pie_jax.networks.resampling import upsample, upsample_conv3x3
from pie_jax.networks.style_based import Modules

FFHQ_WIDTHS = (512, 512, 512, 512, 512, 256, 128, 64, 32)
"""Channels at 4, 8, ..., 1024 pixels of configuration F."""


def style_of(width: int, w: Array) -> Array:
    """Inside a module: its affine function of one w `[B, 512]`, `[B, width]`."""
    return nn.Dense(width, bias_init=nn.initializers.ones, name="affine")(w)


class StyledConv(nn.Module):
    """Modulated and demodulated 3 x 3 convolution, noise, bias, leaky ReLU.

    Attributes:
        width: channels of the result.
        up: double the resolution.
    """

    width: int
    up: bool = False

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """`x` `[B, H, W, C]` in the style `w` `[B, 512]`."""
        channels = x.shape[-1]
        kernel = self.param(
            "kernel", nn.initializers.lecun_normal(), (3, 3, channels, self.width)
        )
        style = style_of(channels, w)
        x = x * style[:, None, None, :]
        x = upsample_conv3x3(x, kernel) if self.up else conv3x3(x, kernel)
        # Of features with unit variance the convolution would make this variance.
        variance = style**2 @ jnp.sum(kernel**2, axis=(0, 1))
        x = x * jax.lax.rsqrt(variance + 1e-8)[:, None, None, :]
        noise = self.param("noise", nn.initializers.normal(1.0), (*x.shape[1:3], 1))
        strength = self.param("noise_strength", nn.initializers.zeros, ())
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        return GAIN * leaky_relu(x + strength * noise + bias)


class ToRGB(nn.Module):
    """Modulated 1 x 1 convolution to three channels, without demodulation."""

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """`x` `[B, H, W, C]` in the style `w` `[B, 512]` to `[B, H, W, 3]`."""
        channels = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (channels, 3))
        bias = self.param("bias", nn.initializers.zeros, (3,))
        # The kernel is far smaller than the features, so here it is scaled instead.
        styled = style_of(channels, w)[:, :, None] * kernel
        return jnp.einsum("bhwc,bcd->bhwd", x, styled) + bias


class Synthesis(nn.Module):
    """W+ to image.

    Style inputs in order: the convolution at 4 pixels, then for every doubling of the
    resolution its two convolutions, and the RGB head of the last. The head of a lower
    resolution shares its input with the convolution that follows.
    """

    widths: tuple[int, ...] = FFHQ_WIDTHS

    @nn.compact
    def __call__(self, w_plus: Array) -> Array:
        """Synthesises `[B, R, R, 3]`, RGB in about [-1, 1], of `[B, num_ws, 512]`."""
        w = iter(jnp.moveaxis(w_plus, 1, 0))
        first = self.widths[0]
        const = self.param("const", nn.initializers.normal(1.0), (4, 4, first))
        x = jnp.broadcast_to(const, (w_plus.shape[0], 4, 4, first))
        x = StyledConv(first, name="block4_conv1")(x, next(w))
        row = next(w)
        image = ToRGB(name="block4_rgb")(x, row)
        for i, width in enumerate(self.widths[1:]):
            block = f"block{8 * 2**i}"
            x = StyledConv(width, up=True, name=f"{block}_conv0")(x, row)
            x = StyledConv(width, name=f"{block}_conv1")(x, next(w))
            row = next(w)
            image = upsample(image) + ToRGB(name=f"{block}_rgb")(x, row)
        return image


def stylegan2(
    widths: tuple[int, ...] = FFHQ_WIDTHS, mapping_layers: int = 8
) -> Generator:
    """Builds the generator; `widths` gives the channels at 4, 8, ... pixels.

    The resolution is `4 * 2 ** (len(widths) - 1)`: 1024 for configuration F.
    """
    return style_based.generator(_modules(widths, mapping_layers))


def init_params(
    key: Array, widths: tuple[int, ...] = FFHQ_WIDTHS, mapping_layers: int = 8
) -> dict:
    """Draws random parameters in the layout of `stylegan2(widths, mapping_layers)`."""
    return style_based.init_params(key, _modules(widths, mapping_layers))


def sizes(params: Tree) -> tuple[tuple[int, ...], int]:
    """`widths` and `mapping_layers` that parameters, or their shapes, belong to."""
    return style_based.sizes(params, "bias")


def _modules(widths: tuple[int, ...], mapping_layers: int) -> Modules:
    return Modules(
        Mapping(mapping_layers, GAIN),
        Synthesis(widths),
        num_ws=2 * len(widths),
        resolution=4 * 2 ** (len(widths) - 1),
    )
