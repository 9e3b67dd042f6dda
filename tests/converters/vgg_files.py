"""Random VGG networks in the files of their publishers, narrow ones.

Names and shapes are those of the published files; the numbers are ours.
"""

import io
import itertools

import h5py
import numpy as np
import scipy.io

from pie_jax.networks.vgg_blocks import BLOCKS
from tests import pickles

WIDTH = 1 / 16
CLASSES = 3
INDICES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""torchvision's places of the convolutions."""


def draw(rng, *shape):
    """A kernel whose first axis is its outputs, scaled as He has it."""
    scale = np.sqrt(2 / np.prod(shape[1:]))
    return rng.normal(0, scale, shape).astype(np.float32)


def bias(rng, size):
    return rng.normal(0, 0.5, size).astype(np.float32)


def convolutions(seed=0):
    """Blocks of (kernel (out, in, 3, 3), bias)."""
    rng = np.random.default_rng(seed)
    inputs, blocks = 3, []
    for features, names in BLOCKS:
        outputs = int(features * WIDTH)
        blocks.append([])
        for _ in names:
            kernel = draw(rng, outputs, inputs, 3, 3)
            blocks[-1].append((kernel, bias(rng, outputs)))
            inputs = outputs
    return blocks


def dense(seed=1):
    """(kernel, bias) of fc6 (out, in, 7, 7), of fc7 and fc8 (out, in)."""
    rng = np.random.default_rng(seed)
    inputs, outputs = int(512 * WIDTH), int(4096 * WIDTH)
    shapes = ((outputs, inputs, 7, 7), (outputs, outputs), (CLASSES, outputs))
    return [(draw(rng, *shape), bias(rng, shape[0])) for shape in shapes]


def hwio(kernel):
    return kernel.transpose(2, 3, 1, 0)


def torchvision(blocks, classifier=0.0):
    """torchvision's state dict; the classifier's layers are of no matter to us."""
    state = {}
    for indices, block in zip(INDICES, blocks, strict=True):
        for index, (kernel, shift) in zip(indices, block, strict=True):
            state[f"features.{index}.weight"] = kernel
            state[f"features.{index}.bias"] = shift
    for index in (0, 3, 6):
        state[f"classifier.{index}.weight"] = np.full((4, 4), classifier, np.float32)
        state[f"classifier.{index}.bias"] = np.full(4, classifier, np.float32)
    return state


def pth(state, write=pickles.torch_legacy):
    """A file of a state dict."""
    parts = {name: pickles.Tensor(x, parameter=True) for name, x in state.items()}
    return write(pickles.OrderedDict(parts))


def keras(layers, version=1, inside=None):
    """A file of Keras's weights.

    Args:
        layers: pairs of a name and None or (kernel, bias).
        version: of Keras, 1 or 2, which name arrays differently.
        inside: a group that holds everything.
    """
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        root = opened.create_group(inside) if inside else opened
        root.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
        for name, arrays in layers:
            group = root.create_group(name)
            leaves = ("W", "b") if version == 1 else ("kernel", "bias")
            full = [
                f"{name}_{leaf}_1:0" if version == 1 else f"{name}/{leaf}:0"
                for leaf in leaves
            ]
            names = [x.encode() for x in full] if arrays else []
            group.attrs["weight_names"] = np.array(names, "S")
            for key, array in zip(full, arrays or (), strict=False):
                group.create_dataset(key, data=array)
    return file.getvalue()


def keras_vgg16(blocks, top=True):
    """Keras's layers of VGG-16."""
    layers = [("input_1", None)]
    for number, ((_, names), block) in enumerate(zip(BLOCKS, blocks, strict=True), 1):
        arrays = [(hwio(kernel), shift) for kernel, shift in block]
        layers += [*zip(names, arrays, strict=True), (f"block{number}_pool", None)]
    if top:
        matrix = (np.zeros((4, 4), np.float32), np.zeros(4, np.float32))
        layers += [("flatten", None), ("fc1", matrix), ("fc2", matrix)]
        layers.append(("predictions", matrix))
    return layers


def keras_vgg_face(blocks, denses):
    """The layers of deepface's Sequential, whose names only count."""
    counts = {}

    def named(kind, arrays=None):
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}_{counts[kind]}", arrays

    layers = []
    for block in blocks:
        for kernel, shift in block:
            layers.append(named("zero_padding2d"))
            layers.append(named("conv2d", (hwio(kernel), shift)))
        layers.append(named("max_pooling2d"))
    for kernel, shift in denses:
        layers.append(named("conv2d", (hwio(as_kernel(kernel)), shift)))
        layers.append(named("dropout"))
    return [*layers, named("flatten"), named("activation")]


def as_kernel(matrix):
    """(out, in) to (out, in, 1, 1)."""
    return matrix if matrix.ndim == 4 else matrix[..., None, None]


def vgg_face_dag(blocks, denses):
    """The state dict of pytorch-mcn."""
    state = {}
    for name, (kernel, shift) in named(blocks, denses):
        matrix = name.startswith("fc")
        state[f"{name}.weight"] = kernel.reshape(len(kernel), -1) if matrix else kernel
        state[f"{name}.bias"] = shift
    return state


def named(blocks, denses):
    """All layers with their published names."""
    names = [
        f"conv{i}_{j}"
        for i, block in enumerate(blocks, 1)
        for j in range(1, len(block) + 1)
    ]
    layers = itertools.chain(*blocks, denses)
    return zip([*names, "fc6", "fc7", "fc8"], layers, strict=True)


def matconvnet(blocks, denses, old=False, average=(129.1863, 104.7624, 93.5940)):
    """The variables of MatConvNet's file: lists are cells, dictionaries structures.

    Args:
        blocks: of `convolutions`.
        denses: of `dense`.
        old: with the fields of its first versions, inside a structure `net`.
        average: what is subtracted.
    """
    layers = []
    for name, (kernel, shift) in named(blocks, denses):
        pair = [hwio(as_kernel(kernel)), shift.reshape(-1, 1)]
        kept = {"weights": pair}
        if old:
            kept = {"filters": pair[0], "biases": pair[1].T}
        layers.append({"name": name, "type": "conv", **kept, "stride": [[1.0, 1.0]]})
        relu = {"type": "relu", "name": name.replace("conv", "relu")}
        layers.append(relu if old else {**relu, "weights": []})
    mean = np.asarray(average, np.float32)
    if not old:
        mean = mean.reshape(1, 1, 3)
    normalization = {"imageSize": [[224.0, 224.0, 3.0]], "averageImage": mean}
    if old:
        return {"net": {"layers": layers, "normalization": normalization}}
    classes = {"description": ["one", "two", "three"]}
    return {"layers": layers, "meta": {"normalization": normalization, **classes}}


def mat5(variables, compressed=True):
    """A file of version 5."""
    file = io.BytesIO()
    made = {name: _for_scipy(value) for name, value in variables.items()}
    scipy.io.savemat(file, made, do_compression=compressed)
    return file.getvalue()


def _for_scipy(value):
    if isinstance(value, dict):
        return {name: _for_scipy(item) for name, item in value.items()}
    if isinstance(value, list) and not (value and isinstance(value[0], list)):
        cell = np.empty((1, len(value)), object)
        for i, item in enumerate(value):
            cell[0, i] = _for_scipy(item)
        return cell
    return value


def mat73(variables, compression="gzip"):
    """A file of version 7.3."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as root:
        hidden = root.create_group("#refs#")
        for name, value in variables.items():
            _write73(root, name, value, hidden, compression)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM"
    return header + file.getvalue()[len(header) :]


def _write73(group, name, value, hidden, compression):
    if isinstance(value, dict):
        made = group.create_group(name)
        made.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, item in value.items():
            _write73(made, key, item, hidden, compression)
    elif isinstance(value, list) and value and not isinstance(value[0], list):
        references = [referred(item, hidden, compression) for item in value]
        made = group.create_dataset(
            name, (len(value), 1), data=references, dtype=h5py.ref_dtype
        )
        made.attrs["MATLAB_class"] = np.bytes_("cell")
    elif isinstance(value, list) and not value:
        made = group.create_dataset(name, data=np.zeros(2, "u8"))
        made.attrs["MATLAB_class"] = np.bytes_("cell")
        made.attrs["MATLAB_empty"] = np.uint8(1)
    elif isinstance(value, str):
        units = np.frombuffer(value.encode("utf-16-le"), "<u2")
        made = group.create_dataset(name, data=units.reshape(-1, 1))
        made.attrs["MATLAB_class"] = np.bytes_("char")
    else:
        array = np.atleast_2d(np.asarray(value))
        kinds = {"f4": "single", "f8": "double", "u1": "uint8", "i4": "int32"}
        made = group.create_dataset(name, data=array.T, compression=compression)
        made.attrs["MATLAB_class"] = np.bytes_(kinds[array.dtype.str[1:]])


def referred(value, hidden, compression):
    number = hidden.attrs.get("count", 0)
    hidden.attrs["count"] = number + 1
    name = str(number)
    _write73(hidden, name, value, hidden, compression)
    return hidden[name].ref
