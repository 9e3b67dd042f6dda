"""StyleGAN 2 in a checkpoint of rosinality/stylegan2-pytorch, or of what is built on it.

`stylegan2-ffhq-config-f.pt` has it as `g_ema`; pSp, encoder4editing and others have it
in a `state_dict` under names that begin with `decoder.`. The mean w is `latent_avg`,
where it is there; these others may repeat it for each style input.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from pie_jax.converters.stylegan2_layout import UPSAMPLING, Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import torch_checkpoint
from pie_jax.core.errors import PieError, shown

_MEAN = "latent_avg"
_TRAINING_ONLY = {"g", "d", "g_optim", "d_optim"}
_MOST = 9
_USUAL = ("g_ema", "state_dict.decoder")
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
    content = torch_checkpoint.read(file.data, file.name, skip=_TRAINING_ONLY)
    if not isinstance(content, dict):
        return None
    content.get(_USUAL[0])  # a generator that was saved as an object says so
    found = dict(itertools.islice(_generators(content), _MOST))
    usual = [found[place] for place in _USUAL if place in found]
    if len(found) > 1 and not usual:
        raise PieError(
            f"{file.name} holds several StyleGAN 2: {', '.join(map(shown, found))}. Save the one "
            "that is wanted alone, as a dictionary with the key g_ema."
        )
    if not found:
        return None
    arrays = [*usual, *found.values()][0]
    if _MEAN in content:
        arrays[_MEAN] = _one_row(content[_MEAN])
    form = FORM if _MEAN in arrays else FORM._replace(w_avg=None)
    return Source(form, arrays, {})


def _generators(content: dict) -> Iterator[tuple[str, dict[str, Any]]]:
    """The generators by the names of their places; `content` may be one itself."""
    inner = {key: x for key, x in content.items() if isinstance(x, dict)}
    own = {key: x for key, x in content.items() if isinstance(x, np.ndarray)}
    for key, state in {"": own, **inner}.items():
        names = [name for name in state if isinstance(name, str)]
        for name in names:
            if f".{name}".endswith(f".{FORM.const}"):
                begin = name.removesuffix(FORM.const)
                place = f"{key}.{begin}".strip(".")
                yield (
                    place,
                    {
                        x.removeprefix(begin): state[x]
                        for x in names
                        if x.startswith(begin) and x != _MEAN
                    },
                )


def _one_row(mean: Any) -> Any:
    """`[n, 512]` of equal rows to `[512]`."""
    if isinstance(mean, np.ndarray) and mean.ndim == 2 and (mean == mean[:1]).all():
        return mean[0] if len(mean) else mean
    return mean
