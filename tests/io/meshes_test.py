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
    """By the header's own words."""
    header, _, body = content.partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = dict(x.split()[1:] for x in lines if x.startswith("element"))
    assert "property list uchar int vertex_indices" in lines
    properties = [x.split() for x in lines if x.startswith("property")]
    kinds = {"float": "<f4", "uchar": "u1"}
    vertex = np.dtype([(x[2], kinds[x[1]]) for x in properties if x[1] != "list"])
    vertices = np.frombuffer(body, vertex, int(counts["vertex"]))
    rest = body[vertices.nbytes :]
    faces = np.frombuffer(rest, [("count", "u1"), ("ids", "<i4", 3)])
    assert len(faces) == int(counts["face"]) and (faces["count"] == 3).all()
    colours = [vertices[x] for x in ("red", "green", "blue")]
    places = np.stack([vertices[x] for x in "xyz"], axis=-1)
    return places, faces["ids"], np.stack(colours, axis=-1) / 255


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
