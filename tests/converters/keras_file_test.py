import io
import sys

import h5py
import numpy as np
import pytest
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import keras_file
from pie_jax.core.errors import PieError
from tests.converters import vgg_files as files

RNG = np.random.default_rng(0)
PAIR = RNG.normal(size=(3, 3, 2, 4)).astype(np.float32), np.ones(4, np.float32)


def read(content, skip=()):
    assert keras_file.is_keras(content)
    return keras_file.layers(UserFile("file.h5", content), skip)


@pytest.mark.parametrize("version", [1, 2])
def test_layers_come_back_in_their_order(version):
    layers = [("input_1", None), ("z", PAIR), ("pool", None), ("a", PAIR), ("c", PAIR)]
    found = read(files.keras(layers, version), skip={"c"})
    assert [layer.name for layer in found] == ["z", "a"]
    for layer in found:
        assert set(layer.arrays) == {"kernel", "bias"}
        np.testing.assert_array_equal(layer.arrays["kernel"], PAIR[0])
        np.testing.assert_array_equal(layer.arrays["bias"], PAIR[1])


def hdf5(fill):
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        fill(root)
    return file.getvalue()


def keras(fill, names=("gamma:0",)):
    """A file with one layer, whose group `fill` fills."""

    def fill_root(root):
        root.attrs["layer_names"] = np.array([b"layer"])
        group = root.create_group("layer")
        group.attrs["weight_names"] = np.array([name.encode() for name in names])
        fill(group)

    return hdf5(fill_root)


LEAVES = {
    "block1_conv1_W_1:0": "kernel",
    "convolution2d_1_b": "bias",
    "other/kernel:0": "other/kernel:0",  # a second kernel
    "conv2d_12/bias_1:0": "conv2d_12/bias_1:0",
    "batch_normalization_1/gamma:0": "batch_normalization_1/gamma:0",
    "web:0": "web:0",
}


def test_names_tell_kernels_and_biases():
    def fill(group):
        for value, name in enumerate(LEAVES):
            group[name] = [value]

    (layer,) = read(keras(fill, list(LEAVES)))
    assert [x.item() for x in layer.arrays.values()] == list(range(len(LEAVES)))
    assert list(layer.arrays) == list(LEAVES.values())


def external_link(group):
    group["gamma:0"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(group):
    group["other"] = [1.0]
    group["gamma:0"] = h5py.SoftLink("other")


def external_data(group):
    group.create_dataset("gamma:0", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(group):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    group.create_virtual_dataset("gamma:0", layout)


def bomb(group):
    data = np.zeros(40_000_000, np.uint8)
    group.create_dataset("gamma:0", data=data, compression="gzip", compression_opts=9)


def dataset(shape, dtype):
    return lambda group: group.create_dataset("gamma:0", shape, dtype)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (external_link, "is a link"),
        (soft_link, "is a link"),
        (external_data, "lies in another file"),
        (virtual, "lies in another file"),
        (dataset(2, h5py.string_dtype()), "an array of object"),
        (dataset(2, np.dtype([("a", "f4")])), "an array of"),
        (dataset(2, h5py.ref_dtype), "an array of object"),
        (dataset(10**12, "f4"), "claims 4000000000000 bytes"),
        (bomb, "claims 40000000 bytes"),
        (lambda group: group.create_group("gamma:0"), "a group where an array belongs"),
        (lambda group: None, "damaged"),
    ],
)
def test_what_no_file_of_weights_needs_is_refused(fill, message):
    with pytest.raises(PieError, match=message):
        read(keras(fill))


def test_many_arrays_may_not_claim_more_than_one():
    """Each would be allowed; names lead to the same memory again and again."""
    names = [f"gamma{i}:0" for i in range(40)]

    def fill(group):
        group[names[0]] = np.zeros(1_000_000, np.uint8)
        for name in names[1:]:
            group[name] = group[names[0]]

    with pytest.raises(PieError, match="claims 1000000 bytes of memory"):
        read(keras(fill, names))


def keras3(root):
    root["layers/conv2d/vars/0"] = [1.0]


def free_text(root):
    root.attrs["layer_names"] = ["of no fixed length"]


def no_group(root):
    root.attrs["layer_names"] = np.array([b"a/b"])
    root["a"] = [1.0]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (free_text, "layer_names are not texts of a fixed length"),
        (keras3, "no attribute layer_names"),
        (no_group, "of another kind, .*a/b"),
    ],
)
def test_other_hdf5_files_hold_no_weights(fill, message):
    with pytest.raises(PieError, match=message):
        read(hdf5(fill))


def test_damaged_files_are_errors_or_other_numbers():
    """Bytes are cut off or changed; nothing but a `PieError` may come of it."""
    content = files.keras([("a", PAIR), ("b", PAIR)])
    for length in range(8, len(content), 97):
        with pytest.raises(PieError, match="truncated"):
            read(content[:length])
    refused = 0
    for place in range(8, len(content), 61):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            read(bytes(damaged))
        except PieError:
            refused += 1
    assert refused > 5


def test_without_h5py_the_error_names_the_extra(monkeypatch):
    content = files.keras([("a", PAIR)])
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(PieError, match=r"install '\.\[convert\]'"):
        read(content)
