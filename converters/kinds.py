"""The kinds of foreign files that can be converted, by the name a user gives."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pie_jax.converters import stylegan1, stylegan2


class Kind(NamedTuple):
    """One kind of file.

    Attributes:
        convert: `path -> (params, info)`: float arrays by `/`-joined name, and text to
            keep beside them; raises `PieError` where the file is not of this kind.
        description: which files, for the user.
    """

    convert: Callable[[str | Path], tuple[dict[str, np.ndarray], dict[str, str]]]
    description: str


KINDS = {
    "stylegan1": Kind(
        stylegan1.convert,
        "StyleGAN 1: NVIDIA's TensorFlow .pkl, or the PyTorch checkpoints of "
        "genforce/interfacegan, genforce/genforce and lernapparat",
    ),
    "stylegan2": Kind(
        stylegan2.convert,
        "StyleGAN 2: NVIDIA's TensorFlow .pkl, stylegan2-ada-pytorch's .pkl, or the "
        "checkpoint of rosinality/stylegan2-pytorch",
    ),
}
