"""MATLAB's files: both versions, all kinds of values, damage and hostility."""

import io
import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io
from pie_jax.converters import matlab_file
from pie_jax.converters.user_file import UserFile

from pie_jax.core.errors import PieError
from tests.converters import vgg_files as files

RNG = np.random.default_rng(0)
VARIABLES = {
    "single": RNG.normal(size=(2, 3, 4)).astype(np.float32),
    "double": RNG.normal(size=(5, 1)),
    "scalar": np.array([[7.0]]),
    "bytes": RNG.integers(0, 256, (3, 2), np.uint8),
    "integers": RNG.integers(-(2**30), 2**30, (1, 9), np.int32),
    "text": "a text, \u00e9 and \u4e2d",
    "cell": ["one", np.eye(2), ["three", [], {"four": np.array([[4.0]])}]],
    "structure": {"name": "x", "inner": {"array": np.ones((2, 2), np.float32)}},
}
WRITERS = [files.mat5, lambda v: files.mat5(v, compressed=False), files.mat73]
NUMBERS = [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]


def read(content):
    assert matlab_file.is_matlab(content)
    return matlab_file.read(UserFile("file.mat", content))


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert_same(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    else:
        assert found == expected


@pytest.mark.parametrize("write", WRITERS)
def test_values_of_every_kind_come_back(write):
    found = read(write(VARIABLES))
    assert_same({name: found[name] for name in VARIABLES}, VARIABLES)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numbers_keep_their_type(dtype):
    limits = np.iinfo(dtype)
    array = np.array([[limits.min, 1, limits.max]], dtype)
    assert_same(read(files.mat5({"x": array}))["x"], array)


def test_what_is_empty_comes_back_empty():
    file = io.BytesIO()
    struct_array = np.zeros((1, 2), [("a", object)])
    struct_array["a"] = [["x", np.zeros((1, 1))]]
    values = {"none": np.zeros((0, 3)), "text": "", "cell": np.empty((0, 0), object)}
    scipy.io.savemat(file, {**values, "structures": struct_array})
    found = read(file.getvalue())
    assert found["none"].shape == (0, 3)
    assert found["text"] == "" and found["cell"] == []
    assert_same(found["structures"], [{"a": "x"}, {"a": np.zeros((1, 1))}])


def test_arrays_of_structures_come_back_from_hdf5():
    def fill(root):
        hidden, group = root.create_group("#refs#"), root.create_group("s")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for i, field in enumerate(("a", "b")):
            references = [
                files.referred(np.array([[i + 10.0 * j]]), hidden, None)
                for j in range(2)
            ]
            group.create_dataset(field, data=references, dtype=h5py.ref_dtype)

    found = read(hdf5(fill))["s"]
    expected = [{"a": 0.0, "b": 1.0}, {"a": 10.0, "b": 11.0}]
    assert [{k: v.item() for k, v in x.items()} for x in found] == expected


# What no ordinary program writes, byte for byte.


def element(kind, data, order="<"):
    padding = b"" if kind == 15 else bytes(-len(data) % 8)
    return struct.pack(f"{order}II", kind, len(data)) + data + padding


def array(kind, shape, *parts, name=b"x", flags=0, order="<"):
    """An array of class `kind`; `parts` are elements."""
    head = element(6, struct.pack(f"{order}II", kind | flags, 0), order)
    dimensions = struct.pack(f"{order}{len(shape)}i", *shape)
    head += element(5, dimensions, order) + element(1, name, order)
    return element(14, head + b"".join(parts), order)


def mat5(*elements, order="<"):
    header = b"MATLAB 5.0 MAT-file".ljust(124)
    return header + struct.pack(f"{order}HH", 0x0100, 0x4D49) + b"".join(elements)


def test_files_of_the_other_byte_order_are_read():
    numbers = element(9, struct.pack(">3d", 1, 2, 3), ">")
    text = element(4, "\u00e9x".encode("utf-16-be"), ">")
    content = mat5(
        array(6, (3, 1), numbers, order=">"),
        array(4, (1, 2), text, name=b"t", order=">"),
        order=">",
    )
    found = read(content)
    assert found["t"] == "\u00e9x"
    np.testing.assert_array_equal(found["x"], [[1], [2], [3]])


@pytest.mark.parametrize("write", WRITERS)
def test_truncated_files_are_errors_at_every_length(write):
    content = write(VARIABLES)
    whole = set(VARIABLES)
    for length in range(100, len(content), 97):
        try:
            found = read(content[:length])
        except PieError as error:
            message = str(error)
            assert any(x in message for x in ("truncated", "no MATLAB file")), message
        else:  # the end of a variable; those of version 5 stand one after another
            assert write is not files.mat73 and set(found) < whole


@pytest.mark.parametrize("kind", [3, 5, 16, 99])
def test_objects_and_functions_are_nothing(kind):
    """3 is an object, 5 sparse, 16 a function."""
    inner = element(1, b"system") + element(1, b"rm -rf")
    assert read(mat5(array(kind, (1, 1), inner)))["x"] is None


def test_objects_of_newer_classes_are_nothing():
    """They have no dimensions."""
    flags = element(6, struct.pack("<II", 17, 0))
    names = [element(1, name) for name in (b"x", b"MCOS", b"string")]
    assert read(mat5(element(14, flags + b"".join(names)))) == {"x": None}


def test_complex_numbers_are_nothing():
    parts = element(9, bytes(8)), element(9, bytes(8))
    assert read(mat5(array(6, (1, 1), *parts, flags=0x800)))["x"] is None


def zeros(count):
    return array(9, (count, 1), element(2, bytes(count)))


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ([array(6, (2**31 - 1,) * 3, element(9, bytes(8)))], "1 numbers for an array"),
        ([array(6, (-1, -1), element(9, bytes(8)))], "shape"),
        ([array(6, (1, 1))], "not whole"),
        ([array(1, (2**31 - 1,) * 3)], "not whole"),
        (
            [array(2, (2**31 - 1, 9), element(5, b"\4\0\0\0"), element(1, b"abc"))],
            "not",
        ),
        ([array(2, (1, 1), element(5, b"\0\0\0\0"), element(1, b"abc"))], "zero"),
        ([array(6, (1, 1), element(77, bytes(8)))], "77"),
        ([array(1, (1, 1), element(9, bytes(8)))], "inside an array"),
        ([element(9, bytes(8))], "where an array belongs"),
        ([element(15, b"no zlib data")], "damaged"),
        ([element(15, zlib.compress(zeros(99))[:-9])], "not whole"),
        ([b"\0\0\0\0"], "damaged"),
    ],
)
def test_hostile_sizes_are_refused(elements, message):
    with pytest.raises(PieError, match=message):
        read(mat5(*elements))


def test_a_bomb_is_refused():
    bomb = zlib.compress(zeros(40_000_000), 9)
    assert len(bomb) < 100_000
    with pytest.raises(PieError, match="claims"):
        read(mat5(element(15, bomb)))


def test_numbers_that_grow_are_refused():
    """Bytes that become doubles, eight times as many."""
    grown = array(6, (3_000_000, 1), element(2, bytes(3_000_000)))
    with pytest.raises(PieError, match="claims 24000000 bytes"):
        read(mat5(element(15, zlib.compress(grown))))


def test_cells_of_nothing_are_refused():
    """Eight bytes of the file make a Python object each."""
    count = 150_000
    with pytest.raises(PieError, match="claims"):
        read(mat5(array(1, (count, 1), element(14, b"") * count)))


def test_cells_within_cells_are_refused():
    nested = element(14, b"")
    for _ in range(500):
        nested = array(1, (1, 1), nested)
    with pytest.raises(PieError, match="deep"):
        read(mat5(nested))


def hdf5(fill):
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as root:
        fill(root)
    return b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + file.getvalue()[128:]


def circle(root):
    """A structure that is its own two fields."""
    group = root.create_group("x")
    group.attrs["MATLAB_class"] = np.bytes_("struct")
    group["a"] = group["b"] = group


def snake(root):
    """A cell whose two elements are itself."""
    cell = root.create_dataset("x", (2, 1), h5py.ref_dtype)
    cell.attrs["MATLAB_class"] = np.bytes_("cell")
    cell[:] = [[cell.ref], [cell.ref]]


def function(root):
    made = root.create_dataset("x", data=np.zeros(2))
    made.attrs["MATLAB_class"] = np.bytes_("function_handle")


@pytest.mark.parametrize("fill", [circle, snake])
def test_values_that_hold_themselves_are_refused(fill):
    with pytest.raises(PieError, match="deep|claims"):
        read(hdf5(fill))


def test_functions_in_hdf5_are_nothing():
    assert read(hdf5(function)) == {"x": None}


@pytest.mark.parametrize("content", [b"MATLAB ", b"MATLAB 5.0".ljust(126) + b"IM"])
def test_other_files_are_no_matlab_files(content):
    assert not matlab_file.is_matlab(b"else")
    with pytest.raises(PieError, match=r"file\.mat is no MATLAB file"):
        read(content)
