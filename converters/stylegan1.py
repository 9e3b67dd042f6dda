"""Converts StyleGAN 1 from NVIDIA's TensorFlow pickle or a PyTorch form of it.

- `karras2019stylegan-ffhq-1024x1024.pkl`, NVIDIA's own,
- `stylegan_ffhq.pth` as genforce/interfacegan writes it,
- `stylegan_ffhq1024.pth` of genforce/genforce, its `generator_smooth`,
- `karras2019stylegan-ffhq-1024x1024.for_g_all.pt` of lernapparat, which holds neither
  the mean w (it is estimated from draws) nor noise maps (they are drawn).

All hold the same stored values. From 128 pixels on the network upsamples by a
transposed convolution; as a correlation its kernel is turned by 180 degrees, so those
of `Conv0_up` are turned here from there on, in every form. Any resolution that is a
power of two; no class labels. The checkpoints of rosinality/style-based-gan-pytorch are
another network, with another numeric scheme, and refused.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters import (
    persistence_pickle,
    restricted_pickle,
    stylegan_parts,
    tables,
    tf_pickle,
    torch_checkpoint,
    user_file,
)
from pie_jax.converters.tables import Entry, Layout
from pie_jax.converters.user_file import UserFile

from pie_jax.core.errors import PieError

_W = stylegan_parts.W_DIM
_GAIN = math.sqrt(2)
_FUSED_FROM = 128
_TRAINING_ONLY = {"generator", "discriminator"}
_BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16
_TF_LAYERS = ("Const", "Conv", "Conv0_up", "Conv1")


class _Form(NamedTuple):
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

    def name(self, template: str, number: int) -> str:
        """A name that belongs to layer `number`."""
        layer = number if number < 2 else 2 + number % 2
        port = ("", "conv.", "conv0_up.", "conv1.")[layer]
        return template.format(
            r=_resolution(number),
            n=number,
            conv=_TF_LAYERS[layer],
            port=port,
            epi=1 + number % 2,
        )


def _resolution(number: int) -> int:
    """Of layer `number`: 4, 4, 8, 8, ..."""
    return 2 ** (number // 2 + 2)


_TENSORFLOW = _Form(
    title="NVIDIA's TensorFlow pickle",
    dense="mapping/Dense{i}/weight",
    dense_bias="mapping/Dense{i}/bias",
    w_avg="dlatent_avg",
    const="synthesis/4x4/Const/const",
    weight="synthesis/{r}x{r}/{conv}/weight",
    bias="synthesis/{r}x{r}/{conv}/bias",
    noise="synthesis/noise{n}",
    noise_weight="synthesis/{r}x{r}/{conv}/Noise/weight",
    style="synthesis/{r}x{r}/{conv}/StyleMod/weight",
    style_bias="synthesis/{r}x{r}/{conv}/StyleMod/bias",
    rgb="synthesis/ToRGB_lod0/weight",
    rgb_bias="synthesis/ToRGB_lod0/bias",
    unused="synthesis/ToRGB_lod",
    ignored=("lod", "synthesis/lod"),
    torch=False,
)

_INTERFACEGAN = _Form(
    title="genforce/interfacegan's checkpoint",
    dense="mapping.dense{i}.linear.weight",
    dense_bias="mapping.dense{i}.wscale.bias",
    w_avg="truncation.w_avg",
    const="synthesis.layer0.first_layer",
    weight="synthesis.layer{n}.conv.weight",
    fused_weight="synthesis.layer{n}.weight",
    bias="synthesis.layer{n}.epilogue.bias",
    noise="synthesis.layer{n}.epilogue.apply_noise.noise",
    noise_weight="synthesis.layer{n}.epilogue.apply_noise.weight",
    style="synthesis.layer{n}.epilogue.style_mod.dense.linear.weight",
    style_bias="synthesis.layer{n}.epilogue.style_mod.dense.wscale.bias",
    rgb="synthesis.output{head}.conv.weight",
    rgb_bias="synthesis.output{head}.bias",
    blur="synthesis.layer{n}.blur.kernel",
    unused="synthesis.output",
    ignored=("synthesis.lod", "truncation.truncation"),
)

_GENFORCE = _Form(
    title="genforce/genforce's checkpoint",
    dense="mapping.dense{i}.weight",
    dense_bias="mapping.dense{i}.bias",
    w_avg="truncation.w_avg",
    const="synthesis.layer0.const",
    weight="synthesis.layer{n}.weight",
    bias="synthesis.layer{n}.bias",
    noise="synthesis.layer{n}.apply_noise.noise",
    noise_weight="synthesis.layer{n}.apply_noise.weight",
    style="synthesis.layer{n}.style.weight",
    style_bias="synthesis.layer{n}.style.bias",
    rgb="synthesis.output{head}.weight",
    rgb_bias="synthesis.output{head}.bias",
    blur="synthesis.layer{n}.blur.kernel",
    unused="synthesis.output",
    ignored=("synthesis.lod",),
)

_LERNAPPARAT = _Form(
    title="lernapparat's checkpoint",
    dense="g_mapping.dense{i}.weight",
    dense_bias="g_mapping.dense{i}.bias",
    const="g_synthesis.blocks.4x4.const",
    weight="g_synthesis.blocks.{r}x{r}.{port}weight",
    bias="g_synthesis.blocks.{r}x{r}.{port}bias",
    noise_weight="g_synthesis.blocks.{r}x{r}.epi{epi}.top_epi.noise.weight",
    style="g_synthesis.blocks.{r}x{r}.epi{epi}.style_mod.lin.weight",
    style_bias="g_synthesis.blocks.{r}x{r}.epi{epi}.style_mod.lin.bias",
    rgb="g_synthesis.torgb.weight",
    rgb_bias="g_synthesis.torgb.bias",
    blur="g_synthesis.blocks.{r}x{r}.conv0_up.intermediate.kernel",
    blur_channels=False,
)

_TORCH_FORMS = (_INTERFACEGAN, _GENFORCE, _LERNAPPARAT)

_OPTIONS = {
    "num_channels": 3,
    "latent_size": _W,
    "dlatent_size": _W,
    "mapping_fmaps": _W,
    "mapping_lrmul": stylegan_parts.MAPPING_RATE,
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "nonlinearity": "lrelu",
    "use_wscale": True,
    "use_styles": True,
    "use_noise": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "const_input_layer": True,
    "fused_scale": "auto",
    "blur_filter": [1, 2, 1],
}
"""What NVIDIA's TensorFlow network may say of itself."""


class _Content(NamedTuple):
    """What a file holds."""

    form: _Form
    arrays: dict[str, Any]
    options: dict[str, Any]


def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.stylegan1` from a published file.

    Args:
        path: the file, in any of the four forms.

    Returns:
        float32 arrays by `/`-joined name; and what is known of them: `network`, `form`,
        `resolution`, `widths`, `mapping_layers`, `w_avg` and `noise` (where they are
        from), the file's name and SHA-256.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, needs
            class labels, or differs from the published network; then every difference
            is listed.
    """
    file = user_file.read(path)
    form, arrays, options = _content(file)
    layers = stylegan_parts.count(lambda i: form.dense_bias.format(i=i), arrays)
    widths = _widths(form, arrays)
    flat = tables.convert(arrays, _layout(form, widths, layers), file.name, options)
    if form.w_avg is None:
        flat["w_avg"] = stylegan_parts.mean_w(flat, layers, 1.0)
    if form.noise is None:
        flat |= _drawn_noise(2 * len(widths))
    info = {
        "network": "stylegan1",
        "form": form.title,
        "resolution": str(4 * 2 ** (len(widths) - 1)),
        "widths": ",".join(map(str, widths)),
        "mapping_layers": str(layers),
        "w_avg": "from the file" if form.w_avg else "estimated from draws",
        "noise": "from the file" if form.noise else "drawn",
    }
    return flat, info | file.identity()


def _content(file: UserFile) -> _Content:
    if torch_checkpoint.is_checkpoint(file.data):
        return _torch(file)
    # A pickle of StyleGAN 2 is read too, to be told apart rather than refused.
    allowed = tf_pickle.NAMES | persistence_pickle.NAMES
    content = restricted_pickle.read(file.data, allowed, file.name).content
    if not tf_pickle.is_tf_pickle(content):
        raise _unknown(file.name)
    arrays, options = tf_pickle.generator(content, file.name)
    if "synthesis/4x4/Conv/mod_weight" in arrays:
        raise PieError(f"{file.name} holds StyleGAN 2: convert it as stylegan2.")
    if options.get("label_size") or "mapping/LabelConcat/weight" in arrays:
        raise _conditional(file.name)
    return _Content(_TENSORFLOW, arrays, options)


def _torch(file: UserFile) -> _Content:
    content = torch_checkpoint.read(file.data, file.name, skip=_TRAINING_ONLY)
    if isinstance(content, dict):
        content = content.get("generator_smooth", content)
    if not isinstance(content, dict):
        raise _unknown(file.name)
    if "g_running" in content or "generator.progression.0.conv1.0.weight" in content:
        raise PieError(
            f"{file.name} is a checkpoint of rosinality/style-based-gan-pytorch: "
            "another training with another numeric scheme, which is not supported."
        )
    for form in _TORCH_FORMS:
        if form.const in content:
            if "mapping.label_weight" in content:
                raise _conditional(file.name)
            return _Content(form, content, {})
    raise _unknown(file.name)


def _unknown(file: str) -> PieError:
    return PieError(
        f"{file} holds no StyleGAN 1 that can be read. Expected NVIDIA's TensorFlow "
        "pickle with (G, D, Gs), or a checkpoint as genforce/interfacegan, "
        "genforce/genforce or lernapparat write it."
    )


def _conditional(file: str) -> PieError:
    return PieError(
        f"{file} holds a conditional StyleGAN 1: what it synthesises depends on a "
        "class label beside z. Only models without labels are supported."
    )


def _widths(form: _Form, arrays: Mapping[str, Any]) -> tuple[int, ...]:
    """Channels at 4, 8, ... pixels, read off the biases.

    Where all biases of a resolution are missing, the guess is the one before.
    """
    num_layers = stylegan_parts.count(lambda i: form.name(form.bias, i), arrays)
    widths: list[int] = []
    for first in range(0, max(num_layers, 2), 2):
        names = [form.name(form.bias, first + i) for i in (1, 0)]
        default = widths[-1] if widths else _W
        widths.append(stylegan_parts.length(names, arrays, default))
    return tuple(widths)


def _layout(form: _Form, widths: tuple[int, ...], mapping_layers: int) -> Layout:
    dense = (form.dense, form.dense_bias)
    entries = stylegan_parts.mapping_entries(*dense, mapping_layers, _GAIN, form.torch)
    if form.w_avg:
        entries["w_avg"] = Entry(form.w_avg, (_W,))
    entries["synthesis/const"] = Entry(
        form.const, (1, widths[0], 4, 4), stylegan_parts.image
    )
    constants = {}
    for number in range(2 * len(widths)):
        entries |= _epilogue(form, number, widths[number // 2])
        if number:
            entries |= _kernel(form, number, widths)
        if form.blur and number > 1 and number % 2 == 0:
            shape = (widths[number // 2] if form.blur_channels else 1, 1, 3, 3)
            name = form.name(form.blur, number)
            constants[name] = np.broadcast_to(_BLUR, shape)
    return Layout(
        parameters=entries | _rgb(form, widths),
        constants=constants,
        ignored=lambda name: _is_ignored(form, name),
        options=_OPTIONS,
    )


def _is_ignored(form: _Form, name: str) -> bool:
    unused = bool(form.unused) and name.startswith(form.unused)
    return unused or name in form.ignored


def _place(number: int) -> str:
    """The linen name of a layer with a convolution."""
    return f"synthesis/block{_resolution(number)}_conv{number % 2}"


def _kernel(form: _Form, number: int, widths: tuple[int, ...]) -> dict[str, Entry]:
    outputs, inputs = widths[number // 2], widths[(number - 1) // 2]
    fused = number % 2 == 0 and _resolution(number) >= _FUSED_FROM
    template, torch = form.weight, form.torch
    if fused and form.fused_weight:
        template, torch = form.fused_weight, False
    return {
        f"{_place(number)}/kernel": Entry(
            form.name(template, number),
            (outputs, inputs, 3, 3) if torch else (3, 3, inputs, outputs),
            stylegan_parts.kernel(9 * inputs, _GAIN, torch, turned=fused),
        )
    }


def _epilogue(form: _Form, number: int, width: int) -> dict[str, Entry]:
    place = f"{_place(number)}/epilogue" if number else "synthesis/block4_epilogue"
    one = np.repeat([1.0, 0.0], width)
    entries = {
        f"{place}/bias": Entry(form.name(form.bias, number), (width,)),
        f"{place}/noise_weight": Entry(form.name(form.noise_weight, number), (width,)),
        f"{place}/affine/kernel": Entry(
            form.name(form.style, number),
            (2 * width, _W) if form.torch else (_W, 2 * width),
            stylegan_parts.dense(_W**-0.5, form.torch),
        ),
        f"{place}/affine/bias": Entry(
            form.name(form.style_bias, number), (2 * width,), lambda array: array + one
        ),
    }
    if form.noise:
        size = _resolution(number)
        entries[f"{place}/noise"] = Entry(
            form.name(form.noise, number), (1, 1, size, size), stylegan_parts.noise
        )
    return entries


def _rgb(form: _Form, widths: tuple[int, ...]) -> dict[str, Entry]:
    channels, head = widths[-1], len(widths) - 1
    return {
        "synthesis/rgb/kernel": Entry(
            form.rgb.format(head=head),
            (3, channels, 1, 1) if form.torch else (1, 1, channels, 3),
            stylegan_parts.pointwise(channels, form.torch),
        ),
        "synthesis/rgb/bias": Entry(form.rgb_bias.format(head=head), (3,)),
    }


def _drawn_noise(num_layers: int) -> dict[str, np.ndarray]:
    """Maps for a file that has none: always the same draws."""
    rng, drawn = np.random.default_rng(0), {}
    for number in range(num_layers):
        place = f"{_place(number)}/epilogue" if number else "synthesis/block4_epilogue"
        size = _resolution(number)
        drawn[f"{place}/noise"] = rng.standard_normal((size, size, 1), np.float32)
    return drawn
