"""Converts StyleGAN 2 from the forms in which it is published.

All hold one network, at any resolution that is a power of two; no class labels.
"""

from pathlib import Path

import numpy as np
from pie_jax.converters.stylegan2_layout import Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import (
    mean_w,
    persistence_pickle,
    restricted_pickle,
    stylegan2_ada,
    stylegan2_layout,
    stylegan2_rosinality,
    stylegan2_tf,
    stylegan_tf,
    tables,
    tf_pickle,
    torch_checkpoint,
    user_file,
)
from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.networks.mapping import GAIN


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.stylegan2` from a published file of any form.

    Returns:
        float32 arrays by `/`-joined name; and what is known of them: `network`, `form`,
        `resolution`, `widths`, `mapping_layers`, `w_avg` (where it is from), the file's
        name and SHA-256. A mean w that the file does not hold is estimated from draws.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, needs
            class labels, or differs from the published network; then every difference
            is listed.
    """
    file = user_file.read(path)
    form, arrays, options = _source(file)
    sizes = stylegan2_layout.sizes(form, arrays)
    layout = stylegan2_layout.layout(form, sizes)
    flat = tables.convert(arrays, layout, file.name, options)
    if form.w_avg is None:
        flat["w_avg"] = mean_w.estimate(flat, sizes.mapping_layers, GAIN)
    info = {
        "network": "stylegan2",
        "form": form.title,
        "w_avg": "from the file" if form.w_avg else "estimated from draws",
    }
    return flat, info | sizes.info() | file.identity()


def _source(file: UserFile) -> Source[Form]:
    source = _recognised(file)
    if source is None:
        raise PieError(
            f"{file.name} holds no StyleGAN 2 that can be read. Expected NVIDIA's "
            "TensorFlow pickle with (G, D, Gs), the pickle of stylegan2-ada-pytorch "
            "with G_ema, or a checkpoint of rosinality/stylegan2-pytorch (g_ema and "
            "latent_avg), pSp or encoder4editing (state_dict with decoder.*)."
        )
    return source


def _recognised(file: UserFile) -> Source[Form] | None:
    if torch_checkpoint.is_checkpoint(file.data):
        return stylegan2_rosinality.read(file)
    content = restricted_pickle.read(file.data, file.name).content
    if tf_pickle.is_tf_pickle(content):
        return stylegan_tf.read(content, file, 2, stylegan2_tf.FORM)
    if persistence_pickle.is_persistence_pickle(content):
        return stylegan2_ada.read(content, file)
    return None
