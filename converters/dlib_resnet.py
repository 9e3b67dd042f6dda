"""Converts dlib's face recognition network to linen parameters.

The source is `dlib_face_recognition_resnet_model_v1.dat` (davisking/dlib-models; put
into the public domain by its author). In that file every layer holds the layer below
it, written first, so the parameters come in the order from input to output. The frozen
batch normalisations (`affine_`, a scale and a shift per channel) follow a convolution
each and are folded into it here.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from pie_jax.converters.dlib_format import DlibReader

from pie_jax.core.errors import PieError
from pie_jax.networks import dlib_resnet

FILE = "dlib_face_recognition_resnet_model_v1.dat"

# What the first integer of a nested header says about the layer it opens.
_PLAIN, _LAYER, _INNERMOST = 1, 2, 3


class _Parts(NamedTuple):
    """The parameters met so far, in the file's order."""

    kernels: list[np.ndarray]  # OIHW
    biases: list[np.ndarray]
    affines: list[tuple[np.ndarray, np.ndarray]]
    dense: list[np.ndarray]


def convert(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Parameters of `pie_jax.networks.dlib_resnet.DlibResNet` from dlib's file, under
    its name `FILE`: float32 arrays by `/`-joined name; convolution kernels are HWIO.

    Raises:
        PieError: the file is missing, truncated, longer than expected or holds another
            network.
    """
    if FILE not in files:
        raise PieError(f"{FILE} was expected, {', '.join(files) or 'nothing'} came.")
    reader = DlibReader(files[FILE], FILE)
    return _named(_read(reader), reader)


def _read(reader: DlibReader) -> _Parts:
    parts = _Parts([], [], [], [])
    _read_loss(reader)
    above_input = _count_layers(reader)
    _read_input(reader)
    _read_layer(reader, parts)
    reader.expect(1, "a sample expansion factor")
    for _ in range(above_input):
        _read_layer(reader, parts)
    reader.finish()
    return parts


def _read_loss(reader: DlibReader) -> None:
    reader.expect(1, "the loss layer's version")
    tag = reader.string()
    if tag != "loss_metric_2":
        raise reader.error(
            f"a network ending in loss_metric_2 was expected, not {tag!r}"
        )
    margin_and_threshold = 2
    _skip_floats(reader, margin_and_threshold)


def _count_layers(reader: DlibReader) -> int:
    """Reads the nested headers; the number of layers around the innermost one."""
    layers = 0
    while (version := reader.integer()) != _INNERMOST:
        if version not in (_PLAIN, _LAYER):
            raise reader.error(f"{version} opens no layer that this network has")
        layers += version == _LAYER
    return layers


def _read_input(reader: DlibReader) -> None:
    tag = reader.string()
    if tag != "input_rgb_image_sized":
        raise reader.error(f"an RGB input of fixed size was expected, not {tag!r}")
    means = [reader.floating() for _ in range(3)]
    if not np.allclose(means, dlib_resnet.MEAN_RGB, rtol=0, atol=1e-3):
        raise reader.error(f"means {dlib_resnet.MEAN_RGB} were expected, {means} came")
    for side in ("rows", "columns"):
        reader.expect(dlib_resnet.CHIP_SIZE, side)


def _read_layer(reader: DlibReader, parts: _Parts) -> None:
    tag = reader.string()
    if tag not in _DETAILS:
        raise reader.error(f"a layer {tag!r} does not belong to this network")
    _DETAILS[tag](reader, parts)
    for _ in range(3):
        reader.boolean()
    for _ in range(3):  # two gradients and an output, kept by training
        reader.tensor()


def _read_convolution(reader: DlibReader, parts: _Parts) -> None:
    values = reader.tensor().ravel()
    num_filters = reader.count()
    for _ in range(6):  # window, strides, paddings: the topology is the module's
        reader.count()
    kernel_shape, bias_shape = reader.alias_tensor(), reader.alias_tensor()
    _skip_floats(reader, 4)
    kernel_size = int(np.prod(kernel_shape))
    if bias_shape != (1, num_filters, 1, 1) or values.size != kernel_size + num_filters:
        raise reader.error("a convolution's parameters do not fit its own sizes")
    parts.kernels.append(values[:kernel_size].reshape(kernel_shape))
    parts.biases.append(values[kernel_size:])


def _read_affine(reader: DlibReader, parts: _Parts) -> None:
    values = reader.tensor().ravel()
    reader.alias_tensor()
    reader.alias_tensor()
    per_channel = 0
    reader.expect(per_channel, "an affine layer's mode")
    if values.size % 2:
        raise reader.error("an affine layer's scales and shifts differ in number")
    scale, shift = np.split(values, 2)
    parts.affines.append((scale, shift))


def _read_pooling(reader: DlibReader, parts: _Parts) -> None:
    del parts  # no parameters
    for _ in range(6):
        reader.count()


def _read_dense(reader: DlibReader, parts: _Parts) -> None:
    outputs, inputs = reader.count(), reader.count()
    values = reader.tensor()
    reader.alias_tensor()
    reader.alias_tensor()
    without_bias = 1
    reader.expect(without_bias, "a dense layer's bias mode")
    _skip_floats(reader, 4)
    if values.size != inputs * outputs:
        raise reader.error("a dense layer's parameters do not fit its own sizes")
    parts.dense.append(values.reshape(inputs, outputs))


def _skip_floats(reader: DlibReader, count: int) -> None:
    for _ in range(count):
        reader.floating()


_DETAILS: dict[str, Callable[[DlibReader, _Parts], None]] = {
    "con_4": _read_convolution,
    "affine_": _read_affine,
    "relu_": lambda reader, parts: None,
    "add_prev_": lambda reader, parts: None,
    "max_pool_2": _read_pooling,
    "avg_pool_2": _read_pooling,
    "fc_2": _read_dense,
}


def _named(parts: _Parts, reader: DlibReader) -> dict[str, np.ndarray]:
    names = dlib_resnet.convolution_names()
    found = len(parts.kernels), len(parts.affines), len(parts.dense)
    if found != (len(names), len(names), 1):
        raise reader.error(
            f"{len(names)} convolutions, as many affine layers and one dense layer "
            f"were expected, {found} came"
        )
    flat = {"fc/kernel": parts.dense[0]}
    for name, kernel, bias, affine in zip(
        names, parts.kernels, parts.biases, parts.affines, strict=True
    ):
        if affine[0].size != bias.size:
            raise reader.error(f"{name} and its affine layer differ in channels")
        flat |= _folded(name, kernel, bias, affine)
    return flat


def _folded(
    name: str,
    kernel: np.ndarray,
    bias: np.ndarray,
    affine: tuple[np.ndarray, np.ndarray],
) -> dict[str, np.ndarray]:
    """The convolution whose output is already scaled and shifted."""
    scale, shift = (values.astype(np.float64) for values in affine)
    folded_kernel = kernel.transpose(2, 3, 1, 0) * scale
    return {
        f"{name}/kernel": folded_kernel.astype(np.float32),
        f"{name}/bias": (bias * scale + shift).astype(np.float32),
    }
