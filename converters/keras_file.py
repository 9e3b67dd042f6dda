"""Reads Keras's HDF5 files of weights (.h5) without Keras.

Layout: `keras/engine/saving.py` of Keras 1 and 2. The attribute `layer_names` lists the
groups of the layers, the attribute `weight_names` of each its datasets. A file of a
whole model has the same inside a group `model_weights`. Keras 3's `.weights.h5` differs
and holds none of the networks for us.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.hdf5_file import Hdf5
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import hdf5_file
from pie_jax.core.errors import PieError

# `block1_conv1_W_1:0` and `convolution2d_1_b` of Keras 1, `conv2d_1/kernel:0` of 2.
_LEAF = re.compile(r"(?:^|[/_])(?:(kernel|W)|(bias|b))(?:_\d+)?(?::\d+)?$")


class Layer(NamedTuple):
    """A layer and its arrays: `kernel` and `bias`, or as the file calls them."""

    name: str
    arrays: dict[str, np.ndarray]


def is_keras(data: bytes) -> bool:
    """Whether bytes begin a file that `layers` may be able to read."""
    return data.startswith(hdf5_file.SIGNATURE)


def layers(file: UserFile, skip: Collection[str] = ()) -> list[Layer]:
    """The layers that have weights, from input to output, but those called as in
    `skip`.

    Raises:
        PieError: h5py is not installed, or the file is damaged, truncated, or no file
            of Keras's weights.
    """
    with hdf5_file.opened(file) as hdf5:
        root = hdf5.root
        if "layer_names" not in root.attrs and "model_weights" in root:
            root = hdf5.member(root, "model_weights")
        if "layer_names" not in root.attrs:
            raise PieError(
                f"{file.name} holds no weights as Keras 1 and 2 write them: it has no "
                "attribute layer_names."
            )
        names = [x for x in hdf5.texts(root, "layer_names") if x not in skip]
        found = [Layer(name, _arrays(hdf5, root, name)) for name in names]
    return [layer for layer in found if layer.arrays]


def _arrays(hdf5: Hdf5, root: Any, layer: str) -> dict[str, np.ndarray]:
    group = hdf5.member(root, layer)
    arrays: dict[str, np.ndarray] = {}
    for name in hdf5.texts(group, "weight_names"):
        leaf = _leaf(name)
        array = hdf5.array(hdf5.member(group, name))
        arrays[name if leaf in arrays else leaf] = array
    return arrays


def _leaf(name: str) -> str:
    match = _LEAF.search(name)
    if match is None:
        return name
    return "kernel" if match[1] else "bias"
