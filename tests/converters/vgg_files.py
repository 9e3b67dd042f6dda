"""Random narrow VGG networks in the files of their publishers."""

import io
import itertools

import h5py
import numpy as np

from pie_jax.networks.vgg_blocks import BLOCKS
from tests import pickles

WIDTH = 1 / 16
CLASSES = 3
INDICES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""torchvision's places of the convolutions."""


def layer(rng, *shape):
    """A kernel whose first axis is its outputs, scaled as He has it, and a bias."""
    kernel = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    return kernel.astype(np.float32), rng.normal(0, 0.5, shape[0]).astype(np.float32)


def convolutions():
    """Blocks of (kernel (out, in, 3, 3), bias)."""
    rng, inputs, blocks = np.random.default_rng(0), 3, []
    for features, names in BLOCKS:
        outputs = int(features * WIDTH)
        blocks.append([])
        for _ in names:
            blocks[-1].append(layer(rng, outputs, inputs, 3, 3))
            inputs = outputs
    return blocks


def dense():
    """(kernel, bias) of fc6 (out, in, 7, 7), of fc7 and fc8 (out, in)."""
    rng = np.random.default_rng(1)
    inputs, outputs = int(512 * WIDTH), int(4096 * WIDTH)
    shapes = ((outputs, inputs, 7, 7), (outputs, outputs), (CLASSES, outputs))
    return [layer(rng, *shape) for shape in shapes]


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
    parts = {name: pickles.Tensor(x, parameter=True) for name, x in state.items()}
    return write(pickles.OrderedDict(parts))


def keras(layers, version=1, inside=None):
    """A file of Keras's weights; layers are pairs of a name and None or (kernel, bias).

    Versions 1 and 2 name arrays differently; the group `inside` holds everything.
    """
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        root = opened.create_group(inside) if inside else opened
        root.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
        leaves = {1: ("{}_W_1:0", "{}_b_1:0"), 2: ("{}/kernel:0", "{}/bias:0")}[version]
        for name, arrays in layers:
            group = root.create_group(name)
            full = [leaf.format(name) for leaf in leaves] if arrays else []
            group.attrs["weight_names"] = np.array([x.encode() for x in full], "S")
            for key, array in zip(full, arrays or (), strict=True):
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
    pairs = [*itertools.chain(*blocks), *denses]
    layers = [("zero_padding2d_1", None), ("max_pooling2d_1", None)]
    for i, (kernel, shift) in enumerate(pairs, 1):
        layers.append((f"conv2d_{i}", (hwio(as_kernel(kernel)), shift)))
    return [*layers, ("flatten_1", None)]


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
    numbered = [(i, j) for i, block in enumerate(blocks) for j in range(len(block))]
    names = [f"conv{i + 1}_{j + 1}" for i, j in numbered]
    layers = itertools.chain(*blocks, denses)
    return zip([*names, "fc6", "fc7", "fc8"], layers, strict=True)


def matconvnet(blocks, denses, old=False, average=(129.1863, 104.7624, 93.5940)):
    """The variables of MatConvNet's file: lists are cells, dictionaries structures.

    Old ones have the fields of its first versions, inside a structure `net`.
    """
    layers = []
    for name, (kernel, shift) in named(blocks, denses):
        pair = [hwio(as_kernel(kernel)), shift.reshape(-1, 1)]
        kept = {"weights": pair}
        if old:
            kept = {"filters": pair[0], "biases": pair[1].T}
        layers.append({"name": name, "type": "conv", **kept, "stride": np.ones((1, 2))})
        relu = {"type": "relu", "name": name.replace("conv", "relu")}
        layers.append(relu if old else {**relu, "weights": []})
    mean = np.asarray(average, np.float32)
    if not old and mean.ndim == 1:
        mean = mean.reshape(1, 1, 3)
    normalization = {"imageSize": np.ones((1, 3)), "averageImage": mean}
    if old:
        return {"net": {"layers": layers, "normalization": normalization}}
    classes = {"description": ["one", "two", "three"]}
    return {"layers": layers, "meta": {"normalization": normalization, **classes}}
