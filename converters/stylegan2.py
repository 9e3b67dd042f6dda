"""Converts StyleGAN 2 from the three forms in which it is published.

- NVIDIA's TensorFlow pickle (`stylegan2-ffhq-config-f.pkl`),
- the pickle of stylegan2-ada-pytorch (`ffhq.pkl`), its `G_ema`,
- the checkpoint of rosinality/stylegan2-pytorch (`stylegan2-ffhq-config-f.pt`), its
  `g_ema` and `latent_avg`.

All hold one network in different axes, except that the upsampling convolutions' kernels
are turned by 180 degrees in the latter two, and their style biases contain the 1 that
the TensorFlow program adds to each style. Any resolution that is a power of two; no
class labels. Saturation at +-256, which stylegan2-ada-pytorch adds when it is told to
train in half precision, is left out: the features stay near unit variance.
"""

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
from pie_jax.networks.resampling import TAPS
from pie_jax.networks.stylegan2 import GAIN

_W = stylegan_parts.W_DIM
_TRAINING_ONLY = {"g", "d", "g_optim", "d_optim"}
_UPSAMPLING = np.outer(TAPS, TAPS)
_FILTER = _UPSAMPLING / 4


class _Form(NamedTuple):
    """How one of the three spells the network.

    Names are templates: `{r}` is a resolution; `{n}` numbers the convolutions from 0;
    `{conv}` is what `convs` has for the first convolution, those that upsample, and the
    others; `{rgb}` what `rgbs` has for the first RGB head and the others.
    """

    title: str
    dense: str
    dense_bias: str
    w_avg: str
    const: str
    convs: tuple[str, str, str]
    weight: str
    bias: str
    style: str
    style_bias: str
    noise: str
    noise_strength: str
    rgbs: tuple[str, str]
    rgb_weight: str
    rgb_bias: str
    rgb_style: str
    rgb_style_bias: str
    torch: bool = True
    """Axes are PyTorch's; upsampling kernels are turned; styles contain the 1."""
    axes: tuple[int, ...] = ()
    """Of length 1, before those of a kernel."""
    map_axes: tuple[int, ...] = ()
    """Of length 1, before those of a noise map."""
    const_axes: tuple[int, ...] = (1,)
    strength_shape: tuple[int, ...] = ()
    rgb_bias_shape: tuple[int, ...] = (3,)
    filters: tuple[tuple[str, np.ndarray], ...] = ()
    """Names and values of the resampling filters of each layer, where stored."""

    def name(self, template: str, number: int) -> str:
        """A name that belongs to convolution `number`, or to the head after it."""
        numbers = {"r": _resolution(number), "n": number, "k": number - 1}
        numbers["j"] = number // 2 - 1
        conv = self.convs[0 if number == 0 else 2 - number % 2]
        rgb = self.rgbs[number > 0]
        values = {"conv": conv.format(**numbers), "rgb": rgb.format(**numbers)}
        return template.format(**values, **numbers)


def _resolution(number: int) -> int:
    """Of the result of convolution `number`: 4, 8, 8, 16, 16, ..."""
    return 2 ** ((number + 5) // 2)


_TENSORFLOW = _Form(
    title="NVIDIA's TensorFlow pickle",
    dense="mapping/Dense{i}/weight",
    dense_bias="mapping/Dense{i}/bias",
    w_avg="dlatent_avg",
    const="synthesis/4x4/Const/const",
    convs=("Conv", "Conv0_up", "Conv1"),
    weight="synthesis/{r}x{r}/{conv}/weight",
    bias="synthesis/{r}x{r}/{conv}/bias",
    style="synthesis/{r}x{r}/{conv}/mod_weight",
    style_bias="synthesis/{r}x{r}/{conv}/mod_bias",
    noise="synthesis/noise{n}",
    noise_strength="synthesis/{r}x{r}/{conv}/noise_strength",
    rgbs=("ToRGB", "ToRGB"),
    rgb_weight="synthesis/{r}x{r}/{rgb}/weight",
    rgb_bias="synthesis/{r}x{r}/{rgb}/bias",
    rgb_style="synthesis/{r}x{r}/{rgb}/mod_weight",
    rgb_style_bias="synthesis/{r}x{r}/{rgb}/mod_bias",
    torch=False,
    map_axes=(1, 1),
)

_ADA = _Form(
    title="stylegan2-ada-pytorch's pickle",
    dense="mapping.fc{i}.weight",
    dense_bias="mapping.fc{i}.bias",
    w_avg="mapping.w_avg",
    const="synthesis.b4.const",
    convs=("conv1", "conv0", "conv1"),
    weight="synthesis.b{r}.{conv}.weight",
    bias="synthesis.b{r}.{conv}.bias",
    style="synthesis.b{r}.{conv}.affine.weight",
    style_bias="synthesis.b{r}.{conv}.affine.bias",
    noise="synthesis.b{r}.{conv}.noise_const",
    noise_strength="synthesis.b{r}.{conv}.noise_strength",
    rgbs=("torgb", "torgb"),
    rgb_weight="synthesis.b{r}.{rgb}.weight",
    rgb_bias="synthesis.b{r}.{rgb}.bias",
    rgb_style="synthesis.b{r}.{rgb}.affine.weight",
    rgb_style_bias="synthesis.b{r}.{rgb}.affine.bias",
    const_axes=(),
    filters=(
        ("synthesis.b{r}.resample_filter", _FILTER),
        ("synthesis.b{r}.{conv}.resample_filter", _FILTER),
    ),
)

_ROSINALITY = _Form(
    title="rosinality/stylegan2-pytorch's checkpoint",
    dense="style.{next}.weight",
    dense_bias="style.{next}.bias",
    w_avg="latent_avg",
    const="input.input",
    convs=("conv1", "convs.{k}", "convs.{k}"),
    weight="{conv}.conv.weight",
    bias="{conv}.activate.bias",
    style="{conv}.conv.modulation.weight",
    style_bias="{conv}.conv.modulation.bias",
    noise="noises.noise_{n}",
    noise_strength="{conv}.noise.weight",
    rgbs=("to_rgb1", "to_rgbs.{j}"),
    rgb_weight="{rgb}.conv.weight",
    rgb_bias="{rgb}.bias",
    rgb_style="{rgb}.conv.modulation.weight",
    rgb_style_bias="{rgb}.conv.modulation.bias",
    axes=(1,),
    map_axes=(1, 1),
    strength_shape=(1,),
    rgb_bias_shape=(1, 3, 1, 1),
)

_OPTIONS = {
    "num_channels": 3,
    "latent_size": _W,
    "dlatent_size": _W,
    "mapping_fmaps": _W,
    "mapping_lrmul": stylegan_parts.MAPPING_RATE,
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "nonlinearity": "lrelu",
    "architecture": "skip",
    "resample_kernel": [1, 3, 3, 1],
}
"""What NVIDIA's TensorFlow network may say of itself."""


class _Content(NamedTuple):
    """What a file holds."""

    form: _Form
    arrays: dict[str, Any]
    options: dict[str, Any]


def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.stylegan2` from a published file.

    Args:
        path: the file, in any of the three forms.

    Returns:
        float32 arrays by `/`-joined name; and what is known of them: `network`, `form`,
        `resolution`, `widths`, `mapping_layers`, `w_avg` (where it is from), the
        file's name and SHA-256.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, needs
            class labels, or differs from the published network; then every difference
            is listed.
    """
    file = user_file.read(path)
    form, arrays, options = _content(file)
    num_convs = stylegan_parts.count(lambda i: form.name(form.weight, i), arrays)
    widths = _widths(form, arrays, num_convs)
    layers = stylegan_parts.count(
        lambda i: form.dense_bias.format(i=i, next=i + 1), arrays
    )
    layout = _layout(form, widths, layers)
    estimated = form is _ROSINALITY and form.w_avg not in arrays
    if estimated:
        del layout.parameters["w_avg"]
    flat = tables.convert(arrays, layout, file.name, options)
    if estimated:
        flat["w_avg"] = stylegan_parts.mean_w(flat, layers, GAIN)
    info = {
        "network": "stylegan2",
        "form": form.title,
        "resolution": str(4 * 2 ** (len(widths) - 1)),
        "widths": ",".join(map(str, widths)),
        "mapping_layers": str(layers),
        "w_avg": "estimated from draws" if estimated else "from the file",
    }
    return flat, info | file.identity()


def _content(file: UserFile) -> _Content:
    if torch_checkpoint.is_checkpoint(file.data):
        return _rosinality(file)
    allowed = tf_pickle.NAMES | persistence_pickle.NAMES
    content = restricted_pickle.read(file.data, allowed, file.name).content
    if tf_pickle.is_tf_pickle(content):
        return _tensorflow(content, file.name)
    if persistence_pickle.is_persistence_pickle(content):
        return _ada(content, file.name)
    raise _unknown(file.name)


def _unknown(file: str) -> PieError:
    return PieError(
        f"{file} holds no StyleGAN 2 that can be read. Expected NVIDIA's TensorFlow "
        "pickle with (G, D, Gs), the pickle of stylegan2-ada-pytorch with G_ema, or "
        "the checkpoint of rosinality/stylegan2-pytorch with g_ema and latent_avg."
    )


def _conditional(file: str) -> PieError:
    return PieError(
        f"{file} holds a conditional StyleGAN 2: what it synthesises depends on a "
        "class label beside z. Only models without labels are supported."
    )


def _rosinality(file: UserFile) -> _Content:
    content = torch_checkpoint.read(file.data, file.name, skip=_TRAINING_ONLY)
    if not isinstance(content, dict) or not isinstance(content.get("g_ema"), dict):
        raise _unknown(file.name)
    arrays = dict(content["g_ema"])
    if "latent_avg" in content:
        arrays["latent_avg"] = content["latent_avg"]
    return _Content(_ROSINALITY, arrays, {})


def _tensorflow(content: tuple, file: str) -> _Content:
    arrays, options = tf_pickle.generator(content, file)
    if "synthesis/4x4/Const/StyleMod/weight" in arrays:
        raise PieError(f"{file} holds StyleGAN 1: convert it as stylegan1.")
    if options.get("label_size") or "mapping/LabelConcat/weight" in arrays:
        raise _conditional(file)
    return _Content(_TENSORFLOW, arrays, options)


def _ada(content: dict, file: str) -> _Content:
    tensors, attributes = persistence_pickle.generator(content, file)
    if attributes[""].get("c_dim") or "mapping.embed.weight" in tensors:
        raise _conditional(file)
    options = {
        f"{module}.{name}" if module else name: value
        for module, values in attributes.items()
        for name, value in values.items()
    }
    return _Content(_ADA, tensors, options)


def _widths(form: _Form, arrays: Mapping[str, Any], num_convs: int) -> tuple[int, ...]:
    """Channels at 4, 8, ... pixels, read off the biases.

    Where all biases of a resolution are missing, the guess is the one before.
    """
    widths: list[int] = []
    for block in range(num_convs // 2 + 1):
        numbers = (2 * block, 2 * block - 1) if block else (0,)
        names = [form.name(form.bias, number) for number in numbers]
        default = widths[-1] if widths else _W
        widths.append(stylegan_parts.length(names, arrays, default))
    return tuple(widths)


def _layout(form: _Form, widths: tuple[int, ...], mapping_layers: int) -> Layout:
    dense = (form.dense, form.dense_bias)
    entries = stylegan_parts.mapping_entries(*dense, mapping_layers, 1.0, form.torch)
    entries["w_avg"] = Entry(form.w_avg, (_W,))
    entries["synthesis/const"] = Entry(
        form.const, (*form.const_axes, widths[0], 4, 4), stylegan_parts.image
    )
    constants: dict[str, np.ndarray] = {}
    for number in range(2 * len(widths) - 1):
        entries |= _conv(form, number, widths)
        constants |= _filters(form, number)
        if number % 2 == 0:
            entries |= _rgb(form, number, widths[number // 2])
    return Layout(
        parameters=entries,
        constants=constants,
        ignored=lambda name: name in ("lod", "synthesis/lod"),
        options=_ada_options(len(widths), mapping_layers) if form is _ADA else _OPTIONS,
    )


def _conv(form: _Form, number: int, widths: tuple[int, ...]) -> dict[str, Entry]:
    up = number % 2 == 1
    outputs, inputs = widths[(number + 1) // 2], widths[number // 2]
    resolution = _resolution(number)
    fan_in = 9 * inputs
    kernel_shape: tuple[int, ...] = (3, 3, inputs, outputs)
    if form.torch:
        kernel_shape = (*form.axes, outputs, inputs, 3, 3)
    place = f"synthesis/block{resolution}_conv{0 if up else 1}"
    return {
        f"{place}/kernel": Entry(
            form.name(form.weight, number),
            kernel_shape,
            stylegan_parts.kernel(fan_in, 1.0, form.torch, turned=up and form.torch),
        ),
        f"{place}/bias": Entry(form.name(form.bias, number), (outputs,)),
        f"{place}/noise": Entry(
            form.name(form.noise, number),
            (*form.map_axes, resolution, resolution),
            stylegan_parts.noise,
        ),
        f"{place}/noise_strength": Entry(
            form.name(form.noise_strength, number),
            form.strength_shape,
            lambda array: array.reshape(()),
        ),
        **_affine(form, place, form.style, form.style_bias, number, inputs),
    }


def _affine(
    form: _Form, place: str, weight: str, bias: str, number: int, channels: int
) -> dict[str, Entry]:
    """The style of a layer with `channels` inputs."""
    factor = _W**-0.5
    one = 0.0 if form.torch else 1.0
    return {
        f"{place}/affine/kernel": Entry(
            form.name(weight, number),
            (channels, _W) if form.torch else (_W, channels),
            stylegan_parts.dense(factor, form.torch),
        ),
        f"{place}/affine/bias": Entry(
            form.name(bias, number), (channels,), lambda array: array + one
        ),
    }


def _rgb(form: _Form, number: int, channels: int) -> dict[str, Entry]:
    place = f"synthesis/block{_resolution(number)}_rgb"
    shape = (*form.axes, 3, channels, 1, 1) if form.torch else (1, 1, channels, 3)
    return {
        f"{place}/kernel": Entry(
            form.name(form.rgb_weight, number),
            shape,
            stylegan_parts.pointwise(channels, form.torch),
        ),
        f"{place}/bias": Entry(
            form.name(form.rgb_bias, number), form.rgb_bias_shape, np.ravel
        ),
        **_affine(form, place, form.rgb_style, form.rgb_style_bias, number, channels),
    }


def _filters(form: _Form, number: int) -> dict[str, np.ndarray]:
    """The resampling filters stored with convolution `number` and the head after it."""
    if form is _ROSINALITY and number:
        kind = "{conv}.conv.blur.kernel" if number % 2 else "{rgb}.upsample.kernel"
        return {form.name(kind, number): _UPSAMPLING}
    return {form.name(name, number): value for name, value in form.filters}


def _ada_options(num_blocks: int, mapping_layers: int) -> dict[str, Any]:
    """What the modules of stylegan2-ada-pytorch say of themselves."""
    options: dict[str, Any] = {"z_dim": _W, "w_dim": _W, "img_channels": 3}
    for i in range(mapping_layers):
        options[f"mapping.fc{i}.activation"] = "lrelu"
        options[f"mapping.fc{i}.bias_gain"] = stylegan_parts.MAPPING_RATE
    for number in range(2 * num_blocks - 1):
        conv = _ADA.name("synthesis.b{r}.{conv}", number)
        options[f"{conv}.activation"] = "lrelu"
        options[f"{conv}.use_noise"] = True
        options[_ADA.name("synthesis.b{r}.architecture", number)] = "skip"
    return options
