"""Meshes, read back by slow parsers of the two formats."""

import struct

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import meshes
from tests import builders


def mesh():
    vertices, triangles = builders.icosphere(1)
    rng = np.random.default_rng(0)
    return vertices, triangles, rng.uniform(0, 1, vertices.shape)


def parse_obj(text):
    vertices, colours, triangles = [], [], []
    for line in text.splitlines():
        kind, *words = line.split()
        if kind == "v":
            numbers = [float(word) for word in words]
            vertices.append(numbers[:3])
            colours.append(numbers[3:])
        elif kind == "f":
            triangles.append([int(word) - 1 for word in words])
        else:
            assert kind == "#"
    return np.array(vertices), np.array(triangles), np.array(colours)


def parse_ply(content):
    """By the header's own words, a value at a time."""
    codes = {"float": "f", "uchar": "B", "int": "i"}
    header, _, body = content.partition(b"end_header\n")
    lines = [line.split() for line in header.decode().splitlines()]
    assert lines[:2] == [["ply"], ["format", "binary_little_endian", "1.0"]]
    elements = []
    for kind, *words in lines[2:]:
        if kind == "element":
            elements.append((words[0], int(words[1]), []))
        elif kind == "property":
            elements[-1][2].append(words)
    offset = 0

    def take(kind):
        nonlocal offset
        (value,) = struct.unpack_from("<" + codes[kind], body, offset)
        offset += struct.calcsize(codes[kind])
        return value

    rows = {name: [] for name, _, _ in elements}
    for name, count, properties in elements:
        for _ in range(count):
            row = {}
            for words in properties:
                if words[0] == "list":
                    row[words[3]] = [take(words[2]) for _ in range(take(words[1]))]
                else:
                    row[words[1]] = take(words[0])
            rows[name].append(row)
    assert offset == len(body)
    vertices = np.array([[row[x] for x in "xyz"] for row in rows["vertex"]])
    names = ("red", "green", "blue")
    colours = np.array([[row[x] for x in names] for row in rows["vertex"]]) / 255
    triangles = np.array([row["vertex_indices"] for row in rows["face"]])
    return vertices, triangles, colours


@pytest.mark.parametrize(
    "name, parse, precision",
    [
        ("face.obj", lambda path: parse_obj(path.read_text()), 1e-4),
        ("face.PLY", lambda path: parse_ply(path.read_bytes()), 1 / 255),
    ],
)
def test_a_mesh_is_read_back(tmp_path, name, parse, precision):
    vertices, triangles, colours = mesh()
    # Colours beyond their range are clipped.
    beyond = np.where(colours > 0.9, colours + 1, np.where(colours < 0.1, -1, colours))
    meshes.write(tmp_path / name, vertices, triangles, beyond)
    colours = np.clip(beyond, 0, 1)
    found = parse(tmp_path / name)
    np.testing.assert_allclose(found[0], vertices, atol=1e-6)
    np.testing.assert_array_equal(found[1], triangles)
    np.testing.assert_allclose(found[2], colours, atol=0.51 * precision)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def spoilt(index, change):
    arrays = [np.array(array) for array in mesh()]
    arrays[index] = change(arrays[index])
    return arrays


@pytest.mark.parametrize(
    "arrays, message",
    [
        (spoilt(0, lambda x: x[:, :2]), r"\[n, 3\]"),
        (spoilt(2, lambda x: x[:-1]), "42 vertices, but 41 colours"),
        (spoilt(0, lambda x: x * np.nan), "not finite"),
        (spoilt(2, lambda x: x + np.inf), "not finite"),
        (spoilt(1, lambda x: x + 1), "absent vertex"),
        (spoilt(1, lambda x: x - 1), "absent vertex"),
        (spoilt(1, lambda x: x.astype(float)), "not integers"),
    ],
)
def test_wrong_arrays_are_refused_and_nothing_is_written(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        meshes.write(tmp_path / "a.obj", *arrays)
    assert not list(tmp_path.iterdir())


def test_another_format_or_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="ends in none of"):
        meshes.write(tmp_path / "a.stl", *mesh())
    with pytest.raises(PieError, match="cannot be written"):
        meshes.write(tmp_path / "absent" / "a.obj", *mesh())
