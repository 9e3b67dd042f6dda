"""The layout of StyleGAN 2, which its published files spell each in its own way.

PyTorch's forms differ from TensorFlow's in more than axes: the kernels of upsampling
convolutions are turned by 180 degrees, and the biases of styles contain the 1 that the
TensorFlow program adds to each style.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.stylegan_parts import W_DIM
from pie_jax.converters.stylegan_sizes import Sizes
from pie_jax.converters.tables import Entry, Layout

from pie_jax.converters import stylegan_parts, stylegan_sizes
from pie_jax.networks.resampling import TAPS

UPSAMPLING = np.outer(TAPS, TAPS)
"""The filter that enlarges an image with zeros between its pixels, of sum 4."""

BLUR = UPSAMPLING / 4
"""The same of sum 1."""


class Form(NamedTuple):
    """How one of the files spells the network.

    Names are templates: `{r}` is a resolution; `{n}` numbers the convolutions from 0;
    `{layer}` is what `convs` has for the first convolution, those that upsample, and
    the others, or what `rgbs` has for the first RGB head and the others; `{rgb}` is the
    head after a convolution.
    """

    title: str
    dense: str
    dense_bias: str
    const: str
    convs: tuple[str, str, str]
    weight: str
    bias: str
    style: str
    style_bias: str
    noise: str
    noise_strength: str
    rgbs: tuple[str, str]
    w_avg: str | None
    rgb_bias: str | None = None
    """Where it is not as `bias`."""
    torch: bool = True
    """Axes are PyTorch's; upsampling kernels are turned; styles contain the 1."""
    axes: tuple[int, ...] = ()
    """Of length 1, before those of a kernel."""
    map_axes: tuple[int, ...] = ()
    """Of length 1, before those of a noise map."""
    const_axes: tuple[int, ...] = (1,)
    strength_shape: tuple[int, ...] = ()
    rgb_bias_shape: tuple[int, ...] = (3,)
    filters: tuple[Mapping[str, np.ndarray], ...] = ({}, {}, {})
    """Resampling filters stored with each convolution and the RGB head after it, by
    name; for the same three as `convs`."""
    ignored: tuple[str, ...] = ()
    options: Mapping[str, Any] = {}
    """How the network is built, where the file says so."""
    dense_options: Mapping[str, Any] = {}
    """How each layer of the mapping is."""
    conv_options: Mapping[str, Any] = {}
    """How each convolution and the block around it are."""

    def name(self, template: str, number: int, head: bool = False) -> str:
        """A name that belongs to convolution `number`, or to the head after it."""
        numbers = {"r": resolution(number), "n": number, "k": number - 1}
        numbers["j"] = number // 2 - 1
        conv = self.convs[_kind(number)].format(**numbers)
        rgb = self.rgbs[number > 0].format(**numbers)
        return template.format(layer=rgb if head else conv, rgb=rgb, **numbers)


def resolution(number: int) -> int:
    """Of the result of convolution `number`: 4, 8, 8, 16, 16, ..."""
    return 2 ** ((number + 5) // 2)


def _kind(number: int) -> int:
    """Whether convolution `number` is the first (0), upsamples (1) or neither (2)."""
    return 0 if number == 0 else 2 - number % 2


def sizes(form: Form, arrays: Mapping[str, Any]) -> Sizes:
    """How large the network in a file is, told from the names and its biases."""
    num_convs = stylegan_sizes.count(lambda i: form.name(form.weight, i), arrays)
    biases = [[form.name(form.bias, 0)]] + [
        [form.name(form.bias, 2 * block), form.name(form.bias, 2 * block - 1)]
        for block in range(1, num_convs // 2 + 1)
    ]
    return stylegan_sizes.sizes(biases, form.dense_bias, arrays)


def layout(form: Form, sizes: Sizes) -> Layout:
    """All that a file of this form and size has to hold."""
    widths, num_layers = sizes
    entries = stylegan_parts.mapping_entries(
        form.dense, form.dense_bias, num_layers, 1.0, form.torch
    )
    if form.w_avg:
        entries["w_avg"] = Entry(form.w_avg, (W_DIM,))
    const = (*form.const_axes, widths[0], 4, 4)
    entries["synthesis/const"] = Entry(form.const, const, stylegan_parts.image)
    numbers = range(2 * len(widths) - 1)
    for number in numbers:
        entries |= _conv(form, number, widths)
        if number % 2 == 0:
            entries |= _rgb(form, number, widths[number // 2])
    return Layout(
        parameters=entries,
        constants={
            form.name(name, number): values
            for number in numbers
            for name, values in form.filters[_kind(number)].items()
        },
        ignored=lambda name: name in form.ignored,
        options=_options(form, num_layers, numbers),
    )


def _options(form: Form, num_layers: int, numbers: range) -> dict[str, Any]:
    """What a file of this form may say of how its network is built."""
    options = dict(form.options)
    for i in range(num_layers):
        for name, value in form.dense_options.items():
            options[stylegan_parts.numbered(name, i)] = value
    for number in numbers:
        for name, value in form.conv_options.items():
            options[form.name(name, number)] = value
    return options


def _conv(form: Form, number: int, widths: tuple[int, ...]) -> dict[str, Entry]:
    up = number % 2 == 1
    outputs, inputs = widths[(number + 1) // 2], widths[number // 2]
    size = resolution(number)
    place = f"synthesis/block{size}_conv{0 if up else 1}"
    return {
        f"{place}/kernel": Entry(
            form.name(form.weight, number),
            (*form.axes, *stylegan_parts.kernel_shape(3, inputs, outputs, form.torch)),
            stylegan_parts.kernel(9 * inputs, 1.0, form.torch, up and form.torch),
        ),
        f"{place}/bias": Entry(form.name(form.bias, number), (outputs,)),
        f"{place}/noise": Entry(
            form.name(form.noise, number),
            (*form.map_axes, size, size),
            stylegan_parts.noise,
        ),
        f"{place}/noise_strength": Entry(
            form.name(form.noise_strength, number),
            form.strength_shape,
            lambda array: array.reshape(()),
        ),
        **_style(form, place, number, inputs),
    }


def _rgb(form: Form, number: int, channels: int) -> dict[str, Entry]:
    place = f"synthesis/block{resolution(number)}_rgb"
    return {
        f"{place}/kernel": Entry(
            form.name(form.weight, number, head=True),
            (*form.axes, *stylegan_parts.kernel_shape(1, channels, 3, form.torch)),
            stylegan_parts.pointwise(channels, form.torch),
        ),
        f"{place}/bias": Entry(
            form.name(form.rgb_bias or form.bias, number, head=True),
            form.rgb_bias_shape,
            np.ravel,
        ),
        **_style(form, place, number, channels, head=True),
    }


def _style(
    form: Form, place: str, number: int, channels: int, head: bool = False
) -> dict[str, Entry]:
    """The style of a layer with `channels` inputs."""
    return stylegan_parts.style_entries(
        place,
        form.name(form.style, number, head),
        form.name(form.style_bias, number, head),
        added=np.zeros(channels) if form.torch else np.ones(channels),
        torch=form.torch,
    )
