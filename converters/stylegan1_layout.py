"""The layout of StyleGAN 1, which its published files spell each in its own way.

From 128 pixels on the network upsamples by a transposed convolution; as a correlation
its kernel is turned by 180 degrees, so those of `Conv0_up` are turned here from there
on, in every form.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.stylegan_parts import W_DIM
from pie_jax.converters.stylegan_sizes import Sizes
from pie_jax.converters.tables import Entry, Layout

from pie_jax.converters import stylegan_parts, stylegan_sizes

_GAIN = math.sqrt(2)
"""Of the weights; there is none on the leaky ReLU."""

_FUSED_FROM = 128
_BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16
_TF_LAYERS = ("Const", "Conv", "Conv0_up", "Conv1")
_PORT_LAYERS = ("", "conv.", "conv0_up.", "conv1.")


class Form(NamedTuple):
    """How one of the files spells the network.

    Names are templates: `{r}` is a resolution; `{n}` numbers the style inputs from 0,
    which is one for each layer, beginning with the constant; `{conv}` is the layer as
    TensorFlow calls it, `{port}` as lernapparat does, `{epi}` its place in the block.
    `{head}` numbers the RGB head of the full resolution.
    """

    title: str
    dense: str
    dense_bias: str
    const: str
    weight: str
    bias: str
    noise_weight: str
    style: str
    style_bias: str
    rgb: str
    rgb_bias: str
    w_avg: str | None = None
    noise: str | None = None
    fused_weight: str | None = None
    """Of upsampling layers from 128 pixels on, where rows and columns lead."""
    blur: str | None = None
    blur_channels: bool = True
    """The blur is repeated for every channel."""
    unused: str = ""
    """Begins names of RGB heads that only training uses."""
    ignored: tuple[str, ...] = ()
    torch: bool = True
    """Axes are PyTorch's."""
    options: Mapping[str, Any] = {}
    """How the network is built, where the file says so."""

    def name(self, template: str, number: int) -> str:
        """A name that belongs to layer `number`."""
        layer = number if number < 2 else 2 + number % 2
        return template.format(
            r=resolution(number),
            n=number,
            conv=_TF_LAYERS[layer],
            port=_PORT_LAYERS[layer],
            epi=1 + number % 2,
        )


def resolution(number: int) -> int:
    """Of layer `number`: 4, 4, 8, 8, ..."""
    return 2 ** (number // 2 + 2)


def epilogue(number: int) -> str:
    """The linen name of the epilogue of layer `number`."""
    return f"{_place(number)}/epilogue" if number else "synthesis/block4_epilogue"


def _place(number: int) -> str:
    """The linen name of a layer with a convolution."""
    return f"synthesis/block{resolution(number)}_conv{number % 2}"


def sizes(form: Form, arrays: Mapping[str, Any]) -> Sizes:
    """How large the network in a file is, told from the names and its biases."""
    num_layers = stylegan_sizes.count(lambda i: form.name(form.bias, i), arrays)
    biases = [
        [form.name(form.bias, first + 1), form.name(form.bias, first)]
        for first in range(0, max(num_layers, 2), 2)
    ]
    return stylegan_sizes.sizes(biases, form.dense_bias, arrays)


def layout(form: Form, sizes: Sizes) -> Layout:
    """All that a file of this form and size has to hold."""
    widths, num_layers = sizes
    entries = stylegan_parts.mapping_entries(
        form.dense, form.dense_bias, num_layers, _GAIN, form.torch
    )
    if form.w_avg:
        entries["w_avg"] = Entry(form.w_avg, (W_DIM,))
    const = (1, widths[0], 4, 4)
    entries["synthesis/const"] = Entry(form.const, const, stylegan_parts.image)
    for number in range(2 * len(widths)):
        entries |= _epilogue(form, number, widths[number // 2])
        if number:
            entries |= _kernel(form, number, widths)
    return Layout(
        parameters=entries | _rgb(form, widths),
        constants=_blurs(form, widths),
        ignored=lambda name: _is_ignored(form, name),
        options=form.options,
    )


def _is_ignored(form: Form, name: str) -> bool:
    unused = bool(form.unused) and name.startswith(form.unused)
    return unused or name in form.ignored


def _blurs(form: Form, widths: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The blurs after each upsampling, where the file repeats them."""
    if form.blur is None:
        return {}
    constants = {}
    for number in range(2, 2 * len(widths), 2):
        shape = (widths[number // 2] if form.blur_channels else 1, 1, 3, 3)
        constants[form.name(form.blur, number)] = np.broadcast_to(_BLUR, shape)
    return constants


def _kernel(form: Form, number: int, widths: tuple[int, ...]) -> dict[str, Entry]:
    outputs, inputs = widths[number // 2], widths[(number - 1) // 2]
    fused = number % 2 == 0 and resolution(number) >= _FUSED_FROM
    template, torch = form.weight, form.torch
    if fused and form.fused_weight:
        template, torch = form.fused_weight, False
    return {
        f"{_place(number)}/kernel": Entry(
            form.name(template, number),
            stylegan_parts.kernel_shape(3, inputs, outputs, torch),
            stylegan_parts.kernel(9 * inputs, _GAIN, torch, turned=fused),
        )
    }


def _epilogue(form: Form, number: int, width: int) -> dict[str, Entry]:
    place = epilogue(number)
    entries = {
        f"{place}/bias": Entry(form.name(form.bias, number), (width,)),
        f"{place}/noise_weight": Entry(form.name(form.noise_weight, number), (width,)),
        **stylegan_parts.style_entries(
            place,
            form.name(form.style, number),
            form.name(form.style_bias, number),
            added=np.repeat([1.0, 0.0], width),
            torch=form.torch,
        ),
    }
    if form.noise:
        size = resolution(number)
        entries[f"{place}/noise"] = Entry(
            form.name(form.noise, number), (1, 1, size, size), stylegan_parts.noise
        )
    return entries


def _rgb(form: Form, widths: tuple[int, ...]) -> dict[str, Entry]:
    channels, head = widths[-1], len(widths) - 1
    return {
        "synthesis/rgb/kernel": Entry(
            form.rgb.format(head=head),
            stylegan_parts.kernel_shape(1, channels, 3, form.torch),
            stylegan_parts.pointwise(channels, form.torch),
        ),
        "synthesis/rgb/bias": Entry(form.rgb_bias.format(head=head), (3,)),
    }
