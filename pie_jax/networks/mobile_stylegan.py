"""MobileStyleGAN: a StyleGAN 2 distilled into depthwise convolutions and wavelets.

Belousov, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity
Image Synthesis", arXiv 2104.04767, in the form in which its weights are published: no
demodulation depends on the style any more, and the noise is a fixed map.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from pie_jax.core.interfaces import Generator
from pie_jax.networks import style_based
from pie_jax.networks.layers import conv1x1, depthwise_conv3x3, leaky_relu
from pie_jax.networks.mapping import GAIN, Mapping
from pie_jax.networks.style_based import Modules
from pie_jax.networks.wavelets import inverse_haar

FFHQ_WIDTHS = (512, 512, 512, 512, 512, 256, 128, 64)
"""Channels at 4, 8, ..., 512 pixels of the published network."""


class Modulation(nn.Module):
    """Scales the channels of the features by an affine function of one w."""

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        scale = nn.Dense(x.shape[-1], bias_init=nn.initializers.ones, name="affine")(w)
        return x * scale[:, None, None, :]


class Epilogue(nn.Module):
    """Adds the layer's fixed noise map and its bias, then leaky ReLU."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        _, height, width, channels = x.shape
        noise = self.param("noise", nn.initializers.zeros, (height, width, 1))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        return leaky_relu(x + noise + bias)


class SeparableLayer(nn.Module):
    """Modulation, depthwise 3 x 3, pointwise to `width` channels, epilogue."""

    width: int

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        channels = x.shape[-1]
        depthwise = self.param(
            "depthwise",
            nn.initializers.variance_scaling(1.0, "fan_in", "normal"),
            (3, 3, channels),
        )
        pointwise = self.param(
            "pointwise", nn.initializers.lecun_normal(), (channels, self.width)
        )
        x = Modulation(name="modulation")(x, w)
        x = conv1x1(depthwise_conv3x3(x, depthwise), pointwise)
        return Epilogue(name="epilogue")(x)


class Synthesis(nn.Module):
    """W+ to image. Each of the style inputs drives one affine, in order.

    Row 0 is the 4 x 4 layer; rows 3 i + 1 to 3 i + 3 are the modulation before the
    upsampling and the two convolutions of block i; the last row is the image head.
    """

    widths: tuple[int, ...] = FFHQ_WIDTHS

    @nn.compact
    def __call__(self, w_plus: Array) -> Array:
        """Synthesises `[B, R, R, 3]`, RGB in about [-1, 1], of `[B, num_ws, 512]`."""
        w = iter(jnp.moveaxis(w_plus, 1, 0))
        first = self.widths[0]
        const = self.param("const", nn.initializers.normal(), (4, 4, first))
        x = jnp.broadcast_to(const, (w_plus.shape[0], 4, 4, first))
        x = Modulation(name="first_modulation")(x, next(w))
        x = nn.Conv(first, (3, 3), use_bias=False, name="first_conv")(x)
        x = Epilogue(name="first_epilogue")(x)
        for i, width in enumerate(self.widths[1:]):
            x = inverse_haar(Modulation(name=f"block{i}_up")(x, next(w)))
            x = SeparableLayer(width, name=f"block{i}_conv1")(x, next(w))
            x = SeparableLayer(width, name=f"block{i}_conv2")(x, next(w))
        x = Modulation(name="image_modulation")(x, next(w))
        return inverse_haar(nn.Dense(12, name="image")(x))


def mobile_stylegan(widths: tuple[int, ...] = FFHQ_WIDTHS) -> Generator:
    """Builds the generator; `widths` gives the channels at 4, 8, ... pixels.

    The resolution is `8 * 2 ** (len(widths) - 1)`: 1024 for the published network.
    """
    generator = style_based.generator(_modules(widths))
    if len(widths) < 5:
        return generator
    return generator._replace(features=partial(features, widths=widths))


FEATURES_SIZE = 64
"""Pixels on a side of what `features` gives for the published network."""


def features(
    params: Any, w_plus: Array, widths: tuple[int, ...] = FFHQ_WIDTHS
) -> Array:
    """What the network knows of each place when it has drawn coarse structures.

    Semantic parts are nearly linear there (Collins et al., "Editing in Style", CVPR
    2020); the finer blocks are not run.

    Args:
        params: as of the generator.
        w_plus: `[B, num_ws, 512]`.
        widths: as of `mobile_stylegan`, at least five.

    Returns:
        `[B, 64, 64, C]`: the outputs at 32 pixels, each repeated, and at 64.
    """
    coarse, fine = _outputs(params, w_plus, widths, "block2_conv2", "block3_conv2")
    repeated = jnp.repeat(jnp.repeat(coarse, 2, axis=1), 2, axis=2)
    return jnp.concatenate([repeated, fine], axis=-1)


def early_features(
    params: Any, w_plus: Array, widths: tuple[int, ...] = FFHQ_WIDTHS
) -> tuple[Array, Array]:
    """What the network has drawn when two blocks are left; they are not run.

    Args:
        params: as of the generator.
        w_plus: `[B, num_ws, 512]`.
        widths: as of `mobile_stylegan`, at least four.

    Returns:
        Features `[B, R / 8, R / 8, C]`, and the rows of w_plus that come after them,
        `[B, 7, 512]`.
    """
    block = len(widths) - 4
    (found,) = _outputs(params, w_plus, widths, f"block{block}_conv2")
    return found, w_plus[:, 3 * block + 4 :]


def _outputs(
    params: Any, w_plus: Array, widths: tuple[int, ...], *names: str
) -> list[Array]:
    """Of some layers of the synthesis network; what comes after them is not compiled."""
    _, state = Synthesis(widths).apply(
        {"params": params["synthesis"]},
        w_plus,
        capture_intermediates=lambda module, _: module.name in names,
        mutable=["intermediates"],
    )
    return [state["intermediates"][name]["__call__"][0] for name in names]


def init_params(key: Array, widths: tuple[int, ...] = FFHQ_WIDTHS) -> dict:
    """Draws random parameters in the layout that `mobile_stylegan(widths)` takes."""
    return style_based.init_params(key, _modules(widths))


def _modules(widths: tuple[int, ...]) -> Modules:
    num_blocks = len(widths) - 1
    return Modules(
        Mapping(gain=GAIN),
        Synthesis(widths),
        num_ws=3 * num_blocks + 2,
        resolution=8 * 2**num_blocks,
    )
