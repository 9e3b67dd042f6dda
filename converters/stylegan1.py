"""Converts StyleGAN 1 from the forms in which it is published.

All hold the same stored values, at any resolution that is a power of two; no class
labels. The checkpoints of rosinality/style-based-gan-pytorch are another network, with
another numeric scheme, and refused.
"""

from pathlib import Path

import numpy as np
from pie_jax.converters.stylegan1_layout import Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import (
    mean_w,
    restricted_pickle,
    stylegan1_forms,
    stylegan1_layout,
    stylegan_source,
    stylegan_tf,
    tables,
    tf_pickle,
    torch_checkpoint,
    user_file,
)
from pie_jax.core.errors import PieError
from pie_jax.io import reading

_TORCH_FORMS = (
    stylegan1_forms.INTERFACEGAN,
    stylegan1_forms.GENFORCE,
    stylegan1_forms.LERNAPPARAT,
)
_TRAINING_ONLY = {"generator", "discriminator"}
"""Beside the average generator, in files of genforce/genforce."""


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.stylegan1` from a published file of any form.

    Returns:
        float32 arrays by `/`-joined name; and what is known of them: `network`, `form`,
        `resolution`, `widths`, `mapping_layers`, `w_avg` and `noise` (where they are
        from), the file's name and SHA-256. A mean w that the file does not hold is
        estimated from draws; noise maps are drawn.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, needs
            class labels, or differs from the published network; then every difference
            is listed.
    """
    file = user_file.read(path)
    form, arrays, options = _source(file)
    sizes = stylegan1_layout.sizes(form, arrays)
    layout = stylegan1_layout.layout(form, sizes)
    flat = tables.convert(arrays, layout, file.name, options)
    if form.w_avg is None:
        flat["w_avg"] = mean_w.estimate(flat, sizes.mapping_layers, 1.0)
    if form.noise is None:
        flat |= _drawn_noise(2 * len(sizes.widths))
    info = {
        "network": "stylegan1",
        "form": form.title,
        "w_avg": "from the file" if form.w_avg else "estimated from draws",
        "noise": "from the file" if form.noise else "drawn",
    }
    return flat, info | sizes.info() | file.identity()


def _source(file: UserFile) -> Source[Form]:
    if torch_checkpoint.is_checkpoint(file.data):
        return _torch(file)
    # A pickle of StyleGAN 2 is read too, to be told apart rather than refused.
    content = restricted_pickle.read(file.data, file.name).content
    if tf_pickle.is_tf_pickle(content):
        return stylegan_tf.read(content, file, 1, stylegan1_forms.TENSORFLOW)
    raise _unknown(file.name)


def _torch(file: UserFile) -> Source[Form]:
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
                raise stylegan_source.conditional(file.name, "StyleGAN 1")
            return Source(form, content, {})
    raise _unknown(file.name)


def _unknown(file: str) -> PieError:
    return PieError(
        f"{file} holds no StyleGAN 1 that can be read. Expected NVIDIA's TensorFlow "
        "pickle with (G, D, Gs), or a checkpoint as genforce/interfacegan, "
        "genforce/genforce or lernapparat write it."
    )


def _drawn_noise(num_layers: int) -> dict[str, np.ndarray]:
    """Maps for a file that has none: always the same draws."""
    rng, drawn = np.random.default_rng(0), {}
    for number in range(num_layers):
        size = stylegan1_layout.resolution(number)
        name = f"{stylegan1_layout.epilogue(number)}/noise"
        drawn[name] = rng.standard_normal((size, size, 1), np.float32)
    return drawn
