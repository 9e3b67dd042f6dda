"""Converts VGG-16 from the files of torchvision and Keras.

(The default stack's own copy is Keras's, taken from an ONNX file: `vgg`.)

- torchvision's `vgg16-397923af.pth`: trained for RGB in [0, 1], minus a mean, divided by
  a deviation for each colour. The division and the order of the colours are folded into
  the first kernel; the mean is a parameter of the network.
- torchvision's `vgg16_features-amdegroot-88682ab5.pth`: the same names, but the Visual
  Geometry Group's weights, for RGB in [0, 255] minus a mean. NaN stand for its
  classifier, which tells it from the other.
- Keras's `vgg16_weights_tf_dim_ordering_tf_kernels.h5`, and `..._notop.h5` without the
  classifier: that group's weights too, for BGR.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.tables import Entry, Layout
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import (
    keras_file,
    tables,
    torch_checkpoint,
    user_file,
    vgg_layout,
)
from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.networks import vgg, vgg_blocks

_KERAS_UNUSED = {
    "block4_conv3",
    *(name for _, names in vgg_blocks.BLOCKS[4:] for name in names),
    *("fc1", "fc2", "predictions"),
}
"""Keras's layers above the last one that the network has."""

_TELLS_APART = "classifier.6.bias"


class _Normalisation(NamedTuple):
    """What a pixel (R, G, B) in [0, 1] goes through before the first layer."""

    title: str
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


_TRAINED = _Normalisation(
    "torchvision's state dict", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
)
_FEATURES = _Normalisation(
    "torchvision's state dict of features",
    (0.48235, 0.45882, 0.40784),
    (1 / 255, 1 / 255, 1 / 255),
)


@reading.reader
def convert(
    path: str | Path, width: float = 1.0
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.vgg.VGG16` from a published file of any form.

    Returns:
        float32 arrays by `/`-joined name, of `width` times the channels, for tests; and
        what is known of them: `network`, `form`, the file's name and SHA-256.

    Raises:
        PieError: the file is none of them, is damaged, asks for more than arrays, or
            differs from the published network; then every difference is listed.
    """
    file = user_file.read(path)
    if torch_checkpoint.is_checkpoint(file.data):
        flat, form = _torchvision(file, width)
    elif keras_file.is_keras(file.data):
        flat, form = _keras(file, width)
    else:
        raise PieError(
            f"{file.name} holds no VGG-16 that can be read. Expected torchvision's "
            ".pth or Keras's .h5."
        )
    return flat, {"network": "vgg16", "form": form} | file.identity()


def _keras(file: UserFile, width: float) -> tuple[dict[str, np.ndarray], str]:
    layers = keras_file.layers(file, skip=_KERAS_UNUSED)
    arrays = {
        f"{layer.name}/{leaf}": array
        for layer in layers
        for leaf, array in layer.arrays.items()
    }
    entries = vgg_layout.convolutions(
        vgg.BLOCKS,
        lambda layer: (f"{layer}/kernel", f"{layer}/bias"),
        width,
        torch=False,
    )
    flat = tables.convert(arrays, Layout(entries), file.name)
    return flat | {"mean": np.asarray(vgg.MEAN_BGR, np.float32)}, "Keras's HDF5"


def _torchvision(file: UserFile, width: float) -> tuple[dict[str, np.ndarray], str]:
    content = torch_checkpoint.read(file.data, file.name)
    if not isinstance(content, dict):
        raise PieError(f"{file.name} holds no state dict of a network.")
    normalisation = _normalisation(content, file.name)
    places = _places()
    entries = vgg_layout.convolutions(
        vgg.BLOCKS,
        lambda layer: (f"{places[layer]}.weight", f"{places[layer]}.bias"),
        width,
        torch=True,
    )
    first = entries["block1_conv1/kernel"]
    entries["block1_conv1/kernel"] = first._replace(
        transform=lambda kernel: _for_bgr_255(first, kernel, normalisation)
    )
    used = {layer for _, names in vgg.BLOCKS for layer in names}
    unused = {place for layer, place in places.items() if layer not in used}
    unused |= {"classifier.0", "classifier.3", "classifier.6"}
    ignored = {f"{place}.{leaf}" for place in unused for leaf in ("weight", "bias")}
    layout = Layout(entries, ignored=ignored.__contains__)
    flat = tables.convert(content, layout, file.name)
    flat["mean"] = np.float32(255) * np.asarray(normalisation.mean[::-1], np.float32)
    return flat, normalisation.title


def _places() -> dict[str, str]:
    """torchvision's place of each convolution: a ReLU or a pooling takes one too."""
    places, number = {}, 0
    for _, layers in vgg_blocks.BLOCKS:
        for layer in layers:
            places[layer] = f"features.{number}"
            number += 2
        number += 1
    return places


def _normalisation(content: Mapping[str, Any], file: str) -> _Normalisation:
    told = content.get(_TELLS_APART)
    if not isinstance(told, np.ndarray) or told.dtype.kind != "f":
        raise PieError(
            f"{file} has no {_TELLS_APART}, which tells for which colours its first "
            "layer is: torchvision publishes two VGG-16 with the same names. Give the "
            "file as torchvision publishes it, with its classifier."
        )
    return _FEATURES if np.isnan(told).all() else _TRAINED


def _for_bgr_255(
    entry: Entry, kernel: np.ndarray, normalisation: _Normalisation
) -> np.ndarray:
    """The first kernel for what the network gives it: BGR in [0, 255], centred."""
    deviation = 255 * np.asarray(normalisation.deviation, np.float64)
    hwio = entry.transform(kernel) / deviation[:, None]
    return hwio[:, :, ::-1]
