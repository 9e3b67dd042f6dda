"""StyleGAN 2 in a checkpoint of rosinality/stylegan2-pytorch, or of what is built on it.

`stylegan2-ffhq-config-f.pt` has it as `g_ema`; pSp, encoder4editing and others have it
in a `state_dict` under names that begin with `decoder.`. The mean w is `latent_avg`,
where it is there, beside the generator or farther out; these others may repeat it for
each style input.
"""

import itertools
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from pie_jax.converters.stylegan2_layout import UPSAMPLING, Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import torch_checkpoint
from pie_jax.core.errors import PieError, shown

_MEAN = "latent_avg"
_AVERAGE, _TRAINED = "g_ema", "g"
_MOST = 9
_USUAL = (_AVERAGE, "state_dict.decoder")
"""Where the average generator is, in files that have several."""

FORM = Form(
    title="rosinality/stylegan2-pytorch's checkpoint",
    dense="style.{next}.weight",
    dense_bias="style.{next}.bias",
    w_avg=_MEAN,
    const="input.input",
    convs=("conv1", "convs.{k}", "convs.{k}"),
    weight="{layer}.conv.weight",
    bias="{layer}.activate.bias",
    style="{layer}.conv.modulation.weight",
    style_bias="{layer}.conv.modulation.bias",
    noise="noises.noise_{n}",
    noise_strength="{layer}.noise.weight",
    rgbs=("to_rgb1", "to_rgbs.{j}"),
    rgb_bias="{rgb}.bias",
    axes=(1,),
    map_axes=(1, 1),
    strength_shape=(1,),
    rgb_bias_shape=(1, 3, 1, 1),
    filters=(
        {},
        {"{layer}.conv.blur.kernel": UPSAMPLING},
        {"{rgb}.upsample.kernel": UPSAMPLING},
    ),
)


def read(file: UserFile) -> Source[Form] | None:
    """Reads a PyTorch checkpoint; None if no StyleGAN 2 of this spelling is in it.

    Where the mean w is missing, the form says so.

    Raises:
        PieError: the file is damaged, its generator is more than arrays, or it has
            several.
    """
    content = torch_checkpoint.read(file.data, file.name, _training_only)
    if not isinstance(content, dict):
        return None
    content.get(_AVERAGE)  # a generator that was saved as an object says so
    found = _found(content)
    if len(found) > 1:  # its average may have any name
        found.pop(_TRAINED, None)
    usual = [found[place] for place in _USUAL if place in found]
    if len(found) > 1 and not usual:
        raise PieError(
            f"{file.name} holds several StyleGAN 2: {', '.join(map(shown, found))}. Save the one "
            "that is wanted alone, as a dictionary with the key g_ema."
        )
    if not found:
        return None
    arrays = [*usual, *found.values()][0]
    form = FORM if _MEAN in arrays else FORM._replace(w_avg=None)
    return Source(form, arrays, {})


def _training_only(keys: Collection[Any]) -> set[str]:
    """What a file of these keys has for nothing but training."""
    trained = {_TRAINED} if _AVERAGE in keys else set()
    return {"d", "g_optim", "d_optim"} | trained


def _found(content: dict) -> dict[str, dict[str, Any]]:
    """The first generators by the names of their places, of the least deep ones."""
    found = dict(itertools.islice(_generators(content), _MOST))
    return found or dict(itertools.islice(_deeper(content), _MOST))


def _generators(content: dict) -> Iterator[tuple[str, dict[str, Any]]]:
    """The generators in what `content` holds; it may be one itself."""
    inner = {key: x for key, x in content.items() if isinstance(x, dict)}
    own = {key: x for key, x in content.items() if isinstance(x, np.ndarray)}
    for key, state in {"": own, **inner}.items():
        names = [name for name in state if isinstance(name, str)]
        for name in names:
            if f".{name}".endswith(f".{FORM.const}"):
                begin = name.removesuffix(FORM.const)
                arrays = {
                    x.removeprefix(begin): state[x]
                    for x in names
                    if x.startswith(begin) and x not in (_MEAN, begin + _MEAN)
                }
                mean = _mean(state, begin) | _mean(content)
                yield f"{key}.{begin}".strip("."), arrays | mean


def _deeper(content: dict) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same in what the dictionaries in `content` hold."""
    for key, inner in content.items():
        if isinstance(inner, dict):
            for place, arrays in _generators(inner):
                yield f"{key}.{place}", _mean(content) | arrays


def _mean(state: dict, begin: str = "") -> dict[str, np.ndarray]:
    """The mean w beside a generator whose names begin so, or farther out, by its name;
    nothing where there is none."""
    parent = begin[: begin.rfind(".", 0, -1) + 1]
    for place in (begin, parent, ""):
        mean = dict.get(state, place + _MEAN)  # what is no array need not be one
        if isinstance(mean, np.ndarray):
            return {_MEAN: _one_row(mean)}
    return {}


def _one_row(mean: np.ndarray) -> np.ndarray:
    """`[..., 512]` of equal rows to `[512]`."""
    if mean.ndim < 2 or not mean.size:
        return mean
    rows = mean.reshape(-1, mean.shape[-1])
    return rows[0] if (rows == rows[:1]).all() else mean
