import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import matlab_file
from pie_jax.core.errors import PieError
from tests.converters import matlab_files as files

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
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True)
    elif isinstance(expected, dict):
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert_same(found[name], value)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


@pytest.mark.parametrize("write", WRITERS)
def test_values_of_every_kind_come_back(write):
    found = read(write(VARIABLES))
    assert_same({name: found[name] for name in VARIABLES}, VARIABLES)


def test_numbers_of_either_byte_order_what_is_empty_or_in_arrays_comes_back():
    limits = {f"x{i}": np.iinfo(dtype) for i, dtype in enumerate(NUMBERS)}
    arrays = {k: np.array([[x.min, 1, x.max]], x.dtype) for k, x in limits.items()}
    assert_same(read(files.mat5(arrays)), arrays)

    file = io.BytesIO()
    structures = np.zeros((1, 2), [("a", object)])
    structures["a"] = [["x", np.zeros((1, 1))]]
    values = {"none": np.zeros((0, 3)), "text": "", "cell": np.empty((0, 0), object)}
    scipy.io.savemat(file, {**values, "structures": structures})
    expected = {"structures": [{"a": "x"}, {"a": np.zeros((1, 1))}]}
    assert_same(read(file.getvalue()), values | {"cell": []} | expected)

    def fill(root):
        hidden, group = root.create_group("#refs#"), root.create_group("s")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, value in (("a", 0.0), ("b", 1.0)):
            made = [np.array([[value + 10.0 * j]]) for j in range(2)]
            files.write(group, field, made, hidden)
            del group[field].attrs["MATLAB_class"]  # as MATLAB leaves it out there

    found = read(files.hdf5(fill))["s"]
    expected = [{"a": 0.0, "b": 1.0}, {"a": 10.0, "b": 11.0}]
    assert [{k: v.item() for k, v in x.items()} for x in found] == expected

    numbers = element(9, struct.pack(">3d", 1, 2, 3), ">")
    text = element(4, "\u00e9x".encode("utf-16-be"), ">")
    variables = [array(6, (3, 1), numbers, order=">")]
    variables.append(array(4, (1, 2), text, name=b"t", order=">"))
    found = read(mat5(*variables, order=">"))
    assert_same(found, {"x": np.array([[1], [2], [3]], ">f8"), "t": "\u00e9x"})


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


@pytest.mark.parametrize("write", WRITERS)
def test_truncated_files_are_errors_at_every_length(write):
    content = write(VARIABLES)
    for length in range(100, len(content), 97):
        try:
            found = read(content[:length])
        except PieError as error:
            message = str(error)
            assert any(x in message for x in ("truncated", "no MATLAB file")), message
        else:  # the end of a variable; those of version 5 stand one after another
            assert write is not files.mat73 and set(found) < set(VARIABLES)


RM = element(1, b"system") + element(1, b"rm -rf")
NEWER = element(6, struct.pack("<II", 17, 0)) + element(1, b"x") + element(1, b"MCOS")


def function(root):
    made = root.create_dataset("x", data=np.zeros(2))
    made.attrs["MATLAB_class"] = np.bytes_("function_handle")


@pytest.mark.parametrize(
    "content",
    [
        *(mat5(array(kind, (1, 1), RM)) for kind in (3, 5, 16, 99)),
        mat5(element(14, NEWER + element(1, b"string"))),  # has no dimensions
        mat5(array(6, (1, 1), *2 * [element(9, bytes(8))], flags=0x800)),
        files.hdf5(function),
    ],
)
def test_objects_functions_sparse_and_complex_arrays_are_nothing(content):
    """3 is an object, 5 sparse, 16 a function, 17 a newer object."""
    assert read(content) == {"x": None}
    assert not matlab_file.is_matlab(b"else")


def zeros(count, kind=9):
    return array(kind, (count, 1), element(2, bytes(count)))


def nested(depth):
    inner = element(14, b"")
    for _ in range(depth):
        inner = array(1, (1, 1), inner)
    return inner


def circle(root):
    """A structure that is its own two fields."""
    group = root.create_group("x")
    group.attrs["MATLAB_class"] = np.bytes_("struct")
    group["a"] = group["b"] = group


def snake(root):
    """A cell whose two elements are itself."""
    cell = root.create_dataset("x", (2, 1), files.h5py.ref_dtype)
    cell.attrs["MATLAB_class"] = np.bytes_("cell")
    cell[:] = [[cell.ref], [cell.ref]]


GREAT, FIELDS = (2**31 - 1,) * 3, element(5, b"\4\0\0\0")
BOMB, GROWN = zlib.compress(zeros(40_000_000), 9), zlib.compress(zeros(3_000_000, 6))
assert len(BOMB) < 100_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mat5(array(6, GREAT, element(9, bytes(8)))), "1 numbers for an array"),
        (mat5(array(6, (-1, -1), element(9, bytes(8)))), "shape"),
        (mat5(array(6, (1, 1))), "not whole"),
        (mat5(array(1, GREAT)), "not whole"),
        (mat5(array(2, GREAT, FIELDS, element(1, b"abc"))), "not whole"),
        (mat5(array(2, (1, 1), element(5, bytes(4)), element(1, b"abc"))), "zero"),
        (mat5(array(6, (1, 1), element(77, bytes(8)))), "77"),
        (mat5(array(1, (1, 1), element(9, bytes(8)))), "inside an array"),
        (mat5(element(9, bytes(8))), "where an array belongs"),
        (mat5(element(15, b"no zlib data")), "damaged"),
        (mat5(element(15, zlib.compress(zeros(99))[:-9])), "not whole"),
        (mat5(bytes(4)), "damaged"),
        (mat5(element(15, BOMB)), "claims"),
        # Bytes that become doubles, eight times as many.
        (mat5(element(15, GROWN)), "claims 24000000 bytes"),
        # Eight bytes of the file make a Python object each.
        (mat5(array(1, (150_000, 1), element(14, b"") * 150_000)), "claims"),
        (mat5(nested(500)), "deep"),
        (files.hdf5(circle), "deep|claims"),
        (files.hdf5(snake), "deep|claims"),
        (b"MATLAB ", r"file\.mat is no MATLAB file"),
        (b"MATLAB 5.0".ljust(126) + b"IM", r"file\.mat is no MATLAB file"),
    ],
)
def test_hostile_and_other_files_are_refused(content, message):
    with pytest.raises(PieError, match=message):
        read(content)
    # Structures without fields are made of nothing.
    assert read(mat5(array(2, GREAT, FIELDS, element(1, b"")))) == {"x": {}}
