"""The converter of ICT-FaceKit's light model, on a small head of its layout."""

import json

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import ict_facekit as converter

from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.io import converted
from tests.converters import face_files as files

EXPRESSIONS = ["jawOpen", "mouthSmile_L", "mouthSmile_R", "browInnerUp_L"]
BEHIND = 12
"""Vertices after the face's: eyes, teeth."""


class Published:
    """A folder of meshes whose faces have three and four corners."""

    def __init__(self):
        head = files.Head()
        rng = head.rng
        behind = rng.normal(0, 5, (BEHIND, 3))
        self.neutral = np.concatenate([10 * head.mean, behind]).round(6)
        shape = (100, *self.neutral.shape)
        self.identities = self.neutral + rng.normal(0, 0.1, shape).round(6)
        shape = (len(EXPRESSIONS), *self.neutral.shape)
        self.expressions = self.neutral + rng.normal(0, 0.3, shape).round(6)
        teeth = np.arange(BEHIND).reshape(-1, 3) + len(head.mean)
        self.faces = [*head.triangles[2:].tolist(), *teeth.tolist()]
        self.layout = converter.Layout(
            len(self.neutral), len(head.mean), tuple(head.landmarks.tolist())
        )
        self.head = head

    def write(self, folder):
        def mesh(name, vertices):
            (folder / name).write_bytes(files.obj(vertices, self.faces))

        mesh(converter.NEUTRAL, self.neutral)
        for i, vertices in enumerate(self.identities[:80]):
            mesh(f"identity{i:03d}.obj", vertices)
        for name, vertices in zip(EXPRESSIONS, self.expressions, strict=True):
            mesh(f"{name}.obj", vertices)
        names = {"expressions": EXPRESSIONS, "idx_to_landmark_verts": [1, 2]}
        (folder / converter.NAMES).write_text(json.dumps(names))
        return folder


@pytest.fixture(scope="module")
def published():
    return Published()


@pytest.fixture(scope="module")
def folder(published, tmp_path_factory):
    return published.write(tmp_path_factory.mktemp("FaceXModel"))


@pytest.fixture(scope="module")
def model(published, folder):
    arrays, info = converter.convert(folder, published.layout)
    assert info["vertices"] == str(published.layout.face)
    return morphable.from_arrays(arrays)


def test_faces_are_sums_of_meshes(published, model):
    rng, count = np.random.default_rng(1), published.layout.face
    alpha, amounts = rng.normal(size=80), rng.uniform(size=len(EXPRESSIONS))
    mesh = published.neutral.copy()
    for k in range(80):
        mesh += alpha[k] * (published.identities[k] - published.neutral)
    for k in range(len(EXPRESSIONS)):
        mesh += amounts[k] * (published.expressions[k] - published.neutral)
    names = map(converter.unit_name, EXPRESSIONS)
    code = morphable.expression_code(
        model, dict(zip(names, map(float, amounts), strict=True))
    )
    found = np.asarray(morphable.vertices(model, jnp.asarray(alpha), code))
    shift = model.mean[0] - published.neutral[0] / 10
    expected = mesh[:count] / 10 + shift
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_model_comes_back_from_the_file_that_is_written(
    tmp_path, published, folder, model
):
    arrays, info = converter.convert(folder, published.layout)
    path = tmp_path / "ict.safetensors"
    converted.save(path, arrays, {converted.KIND: "ict_facekit", **info})
    loaded = morphable.from_arrays(converted.load(path, "ict_facekit"))
    assert loaded.unit_names == model.unit_names
    chex.assert_trees_all_equal(loaded, model)


def test_units_have_arkits_names_and_come_back(model):
    assert model.unit_names == (
        *("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUpLeft"),
    )
    assert "smile" in morphable.names(model)
    back = morphable.named_expression(model, model.unit_codes)
    np.testing.assert_allclose(back, np.eye(4), atol=1e-4)
    assert not np.any(model.expression[4:])


def test_the_surface_is_the_faces_alone_in_one_colour(published, model):
    np.testing.assert_array_equal(model.triangles, published.head.triangles[2:])
    assert not np.any(model.albedo)
    np.testing.assert_allclose(np.ptp(model.albedo_mean, axis=0), 0)
    assert 0.3 < float(model.albedo_mean.min()) < float(model.albedo_mean.max()) < 0.9


def test_faces_of_four_corners_become_two_triangles(published):
    quads = files.obj(published.neutral, [[0, 1, 2, 3], [4, 5, 6]])
    file = converter.UserFile("mesh.obj", quads)
    found = converter._triangles(file, published.layout)
    np.testing.assert_array_equal(found, [[0, 1, 2], [0, 2, 3], [4, 5, 6]])


def test_the_published_landmarks_are_in_the_face():
    layout = converter.PUBLISHED
    assert len(set(layout.landmarks)) == 68
    assert max(layout.landmarks) == 6470 < layout.face < layout.vertices == 26719


def test_all_missing_files_are_named(tmp_path, published):
    folder = published.write(tmp_path)
    for name in ("identity007.obj", "identity079.obj", "mouthSmile_L.obj"):
        (folder / name).unlink()
    message = "identity007.obj, identity079.obj, mouthSmile_L.obj"
    with pytest.raises(PieError, match=f"lacks files of ICT-FaceKit: {message}"):
        converter.convert(folder, published.layout)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (converter.NEUTRAL, lambda x: x[: len(x) // 3], "truncated"),
        ("identity003.obj", lambda x: b"", "it has 0 vertices, 654 finite ones"),
        ("jawOpen.obj", lambda x: x.replace(b"v ", b"v nan 1 2 ", 1), "finite ones"),
        ("jawOpen.obj", lambda x: x.replace(b"v ", b"v x", 1), "could not convert"),
        (converter.NEUTRAL, lambda x: x + b"\nf 1/1 2/1 99999/1", "absent vertices"),
        (converter.NEUTRAL, lambda x: x + b"\nf 1 2 -3", "absent vertices"),
        (converter.NEUTRAL, lambda x: x + b"\nf a b c", "invalid literal"),
        (converter.NAMES, lambda x: b"{", "names no expressions"),
        (converter.NAMES, lambda x: b"[]", "names no expressions"),
        (
            converter.NAMES,
            lambda x: b'{"expressions": ["../etc"]}',
            "should name up to",
        ),
        (converter.NAMES, lambda x: b'{"expressions": []}', "should name up to 64"),
    ],
)
def test_bad_files_are_refused(folder, published, name, content, message):
    path = folder / name
    good = path.read_bytes()
    path.write_bytes(content(good))
    try:
        with pytest.raises(PieError, match=message):
            converter.convert(folder, published.layout)
    finally:
        path.write_bytes(good)
