"""Converts VGG-Face from the three forms in which it is published.

- MatConvNet's `vgg-face.mat`, or the `vgg_face.mat` of the Visual Geometry Group's own
  bundle,
- the PyTorch state dict `vgg_face_dag.pth` of albanie/pytorch-mcn,
- Keras's `vgg_face_weights.h5` of serengil/deepface_models.

All are for RGB in [0, 255] minus the mean (129.1863, 104.7624, 93.5940). Of the Keras
file its author says that it was converted from MatConvNet's, so its kernels are taken
as RGB; the library that it belongs to feeds BGR and has been asked about it. The Caffe
and Torch7 files are for BGR and are not read. The last layer, fc8, is left out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pie_jax.converters.tables import Entry, Layout
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import (
    keras_file,
    matconvnet,
    matlab_file,
    tables,
    torch_checkpoint,
    user_file,
    vgg_layout,
)
from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.networks import vgg_face
from pie_jax.networks.layers import scaled
from pie_jax.networks.vgg_blocks import BLOCKS

_DENSE = ("fc6", "fc7")
_UNUSED = "fc8"


@reading.reader
def convert(
    path: str | Path, width: float = 1.0
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.vgg_face.VGGFace` from a published file of any
    form.

    Returns:
        float32 arrays by `/`-joined name, of `width` times the channels, for tests; and
        what is known of them: `network`, `form`, the file's name and SHA-256.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, or
            differs from the published network; then every difference is listed.
    """
    file = user_file.read(path)
    for recognised, read, torch, form in (
        (matlab_file.is_matlab, _matconvnet, False, "MatConvNet's .mat"),
        (torch_checkpoint.is_checkpoint, _torch, True, "pytorch-mcn's state dict"),
        (keras_file.is_keras, _keras, False, "Keras's HDF5"),
    ):
        if recognised(file.data):
            flat = _convert(read(file), file.name, width, torch)
            return flat, {"network": "vgg_face", "form": form} | file.identity()
    raise PieError(
        f"{file.name} holds no VGG-Face that can be read. Expected MatConvNet's .mat, "
        "the .pth of pytorch-mcn or Keras's .h5."
    )


def _matconvnet(file: UserFile) -> dict[str, Any]:
    return matconvnet.arrays(matlab_file.read(file), file.name)


def _torch(file: UserFile) -> dict[str, Any]:
    content = torch_checkpoint.read(file.data, file.name)
    if not isinstance(content, dict):
        raise PieError(f"{file.name} holds no state dict of a network.")
    return content


def _keras(file: UserFile) -> dict[str, Any]:
    """The layers' own names only count them, so their order tells which is which."""
    expected = [*(_published(x) for _, names in BLOCKS for x in names), *_DENSE]
    expected.append(_UNUSED)
    found: dict[str, np.ndarray] = {}
    for number, layer in enumerate(keras_file.layers(file)):
        name = expected[number] if number < len(expected) else layer.name
        found |= {f"{name}/{leaf}": array for leaf, array in layer.arrays.items()}
    return found


def _published(layer: str) -> str:
    """`block1_conv2` of ours is `conv1_2` in all forms."""
    return layer.replace("block", "conv").replace("_conv", "_")


def _convert(
    arrays: dict[str, Any], file: str, width: float, torch: bool
) -> dict[str, np.ndarray]:
    ends = (".weight", ".bias") if torch else ("/kernel", "/bias")
    entries = vgg_layout.convolutions(
        BLOCKS, lambda layer: _names(_published(layer), ends), width, torch=torch
    )
    constants = {}
    if matconvnet.AVERAGE in arrays:
        mean = np.asarray(vgg_face.MEAN_RGB, np.float32)
        constants[matconvnet.AVERAGE] = mean
    layout = Layout(
        parameters=entries | _dense(ends, width, torch),
        constants=constants,
        ignored=_names(_UNUSED, ends).__contains__,
    )
    return tables.convert(arrays, layout, file)


def _names(layer: str, ends: tuple[str, str]) -> tuple[str, str]:
    return layer + ends[0], layer + ends[1]


def _dense(ends: tuple[str, str], width: float, torch: bool) -> dict[str, Entry]:
    """fc6 sees all of the last map; all forms but PyTorch's have kernels of its size."""
    entries = {}
    inputs, grid = scaled(BLOCKS[-1][0], width), vgg_face.GRID
    outputs = scaled(vgg_face.FEATURES, width)
    for layer in _DENSE:
        kernel, bias = _names(layer, ends)
        shape: tuple[int, ...] = (grid, grid, inputs, outputs)
        if torch:
            shape = (outputs, grid * grid * inputs)
        transform = _from_torch(grid) if torch else _flattened
        entries[f"{layer}/kernel"] = Entry(kernel, shape, transform)
        entries[f"{layer}/bias"] = Entry(bias, (outputs,))
        inputs, grid = outputs, 1
    return entries


def _flattened(kernel: np.ndarray) -> np.ndarray:
    """(rows, columns, in, out) to (rows * columns * in, out)."""
    return kernel.reshape(-1, kernel.shape[-1])


def _from_torch(grid: int) -> Callable[[np.ndarray], np.ndarray]:
    """(out, in * rows * columns) to (rows * columns * in, out)."""

    def transform(kernel: np.ndarray) -> np.ndarray:
        maps = kernel.reshape(len(kernel), -1, grid, grid)
        return _flattened(vgg_layout.from_torch(maps))

    return transform
