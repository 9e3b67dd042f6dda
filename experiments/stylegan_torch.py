"""StyleGAN 1 and 2 in PyTorch, written as public implementations are: to be timed.

Channels come first. StyleGAN 2 scales and demodulates a kernel for every sample of a
batch, which a grouped convolution applies; doubling the resolution is a transposed
convolution, then a depthwise one for the filter. StyleGAN 1 repeats pixels below 128,
and from there on fuses the repetition into a transposed convolution. Both take our own
parameters, so that the pictures can be compared.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Synthesis = Callable[[Tensor], Tensor]
"""`w_plus [B, num_ws, 512] -> image [B, 3, R, R]`."""

_FUSED_FROM = 128
_UP_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
_BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


def stylegan1(params: Mapping[str, Any]) -> Synthesis:
    """Builds StyleGAN 1 from the parameters of `pie_jax.networks.stylegan1`.

    Args:
        params: nested dicts of arrays.
    """
    tree = params["synthesis"]
    const = _tensor(np.asarray(tree["const"]).transpose(2, 0, 1))[None]
    first = _epilogue(tree["block4_epilogue"])
    layers = [_layer1(tree, name) for name in _convolutions(tree)]
    head, bias = _pointwise(tree["rgb"]["kernel"]), _tensor(tree["rgb"]["bias"])

    def synthesis(w_plus: Tensor) -> Tensor:
        w = w_plus.unbind(1)
        x = first(const.expand(len(w_plus), -1, -1, -1), w[0])
        for layer, row in zip(layers, w[1:], strict=True):
            x = layer(x, row)
        return F.conv2d(x, head, bias)

    return synthesis


def _convolutions(tree: Mapping[str, Any]) -> list[str]:
    """Names of the 3 x 3 convolutions in order."""
    names, size = ["block4_conv1"], 8
    while f"block{size}_conv0" in tree:
        names += [f"block{size}_conv0", f"block{size}_conv1"]
        size *= 2
    return names


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order="C"))


def _pointwise(kernel: Any) -> Tensor:
    """`[in, out]` to `[out, in, 1, 1]`."""
    return _tensor(np.asarray(kernel).T[:, :, None, None])


def _oihw(kernel: Any, turned: bool = False) -> Tensor:
    kernel = np.asarray(kernel)
    return _tensor((kernel[::-1, ::-1] if turned else kernel).transpose(3, 2, 0, 1))


def _depthwise(x: Tensor, taps: Tensor, padding: int) -> Tensor:
    channels = x.shape[1]
    return F.conv2d(x, taps.expand(channels, 1, -1, -1), None, 1, padding, 1, channels)


def _dense(tree: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    weight, bias = _tensor(np.asarray(tree["kernel"]).T), _tensor(tree["bias"])
    return lambda w: F.linear(w, weight, bias)


def _epilogue(tree: Mapping[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    """Noise, bias, leaky ReLU, instance normalisation, style."""
    noise = _tensor(np.asarray(tree["noise"])[..., 0])
    weight = _tensor(tree["noise_weight"])[:, None, None]
    bias, style = _tensor(tree["bias"])[:, None, None], _dense(tree["affine"])

    def apply(x: Tensor, w: Tensor) -> Tensor:
        x = F.leaky_relu(x + weight * noise + bias, 0.2)
        scale, shift = style(w)[:, :, None, None].chunk(2, 1)
        return F.instance_norm(x, eps=1e-8) * scale + shift

    return apply


def _layer1(tree: Mapping[str, Any], name: str) -> Callable[[Tensor, Tensor], Tensor]:
    values = tree[name]
    epilogue, blur = _epilogue(values["epilogue"]), _tensor(_BLUR)
    size = len(values["epilogue"]["noise"])
    if name.endswith("conv1"):
        kernel = _oihw(values["kernel"])
        return lambda x, w: epilogue(F.conv2d(x, kernel, padding=1), w)
    if size < _FUSED_FROM:
        kernel = _oihw(values["kernel"])

        def repeated(x: Tensor, w: Tensor) -> Tensor:
            x = F.conv2d(F.interpolate(x, scale_factor=2), kernel, padding=1)
            return epilogue(_depthwise(x, blur, 1), w)

        return repeated
    kernel = _fused(_oihw(values["kernel"], turned=True)).transpose(0, 1).contiguous()

    def transposed(x: Tensor, w: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, kernel, stride=2, padding=1)
        return epilogue(_depthwise(x, blur, 1), w)

    return transposed


def _fused(kernel: Tensor) -> Tensor:
    """The four one-pixel shifts of a kernel added: 3 x 3 to 4 x 4."""
    padded = F.pad(kernel, (1, 1, 1, 1))
    rows = padded[:, :, 1:] + padded[:, :, :-1]
    return rows[..., 1:] + rows[..., :-1]


def stylegan2(params: Mapping[str, Any]) -> Synthesis:
    """Builds StyleGAN 2 from the parameters of `pie_jax.networks.stylegan2`.

    Args:
        params: nested dicts of arrays.
    """
    tree = params["synthesis"]
    const = _tensor(np.asarray(tree["const"]).transpose(2, 0, 1))[None]
    layers = [_styled(tree[name], "conv0" in name) for name in _convolutions(tree)]
    sizes = [4 * 2**i for i in range(len(layers) // 2 + 1)]
    heads = [_to_rgb(tree[f"block{size}_rgb"]) for size in sizes]
    taps = _tensor(_UP_FILTER)

    def synthesis(w_plus: Tensor) -> Tensor:
        w = w_plus.unbind(1)
        x = layers[0](const.expand(len(w_plus), -1, -1, -1), w[0])
        image = heads[0](x, w[1])
        for i, head in enumerate(heads[1:]):
            x = layers[2 * i + 1](x, w[2 * i + 1])
            x = layers[2 * i + 2](x, w[2 * i + 2])
            image = _upsample(image, taps) + head(x, w[2 * i + 3])
        return image

    return synthesis


def _modulated(kernel: Tensor, style: Tensor, demodulate: bool) -> Tensor:
    """A kernel `[O, I, h, w]` for each style `[B, I]`: `[B, O, I, h, w]`."""
    scaled = kernel * style[:, None, :, None, None]
    if demodulate:
        power = scaled.square().sum((2, 3, 4), keepdim=True)
        scaled = scaled * (power + 1e-8).rsqrt()
    return scaled


def _grouped(x: Tensor, kernels: Tensor, padding: int) -> Tensor:
    """Convolves each sample with its own kernel."""
    batch, channels, height, width = x.shape
    x = x.reshape(1, batch * channels, height, width)
    y = F.conv2d(x, kernels.flatten(0, 1), padding=padding, groups=batch)
    return y.reshape(batch, -1, *y.shape[2:])


def _grouped_up(x: Tensor, kernels: Tensor) -> Tensor:
    """The same after inserting zeros: R to 2 R + 1 pixels."""
    batch, channels, height, width = x.shape
    x = x.reshape(1, batch * channels, height, width)
    kernels = kernels.transpose(1, 2).flatten(0, 1)
    y = F.conv_transpose2d(x, kernels, stride=2, groups=batch)
    return y.reshape(batch, -1, *y.shape[2:])


def _styled(tree: Mapping[str, Any], up: bool) -> Callable[[Tensor, Tensor], Tensor]:
    # A transposed convolution turns its kernel.
    kernel, style = _oihw(tree["kernel"], turned=up), _dense(tree["affine"])
    noise = _tensor(np.asarray(tree["noise"])[..., 0] * tree["noise_strength"])
    bias, taps = _tensor(tree["bias"])[:, None, None], _tensor(_UP_FILTER)

    def apply(x: Tensor, w: Tensor) -> Tensor:
        kernels = _modulated(kernel, style(w), demodulate=True)
        if up:
            x = _depthwise(_grouped_up(x, kernels), taps, 1)
        else:
            x = _grouped(x, kernels, 1)
        return F.leaky_relu(x + noise + bias, 0.2) * 2**0.5

    return apply


def _to_rgb(tree: Mapping[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    kernel, style = _pointwise(tree["kernel"]), _dense(tree["affine"])
    bias = _tensor(tree["bias"])[:, None, None]
    return lambda x, w: (
        _grouped(x, _modulated(kernel, style(w), demodulate=False), 0) + bias
    )


def _upsample(image: Tensor, taps: Tensor) -> Tensor:
    """Inserts zeros and filters."""
    batch, channels, height, width = image.shape
    spread = image.reshape(batch, channels, height, 1, width, 1)
    spread = F.pad(spread, (0, 1, 0, 0, 0, 1))
    spread = spread.reshape(batch, channels, 2 * height, 2 * width)
    return _depthwise(F.pad(spread, (2, 1, 2, 1)), taps, 0)
