"""The converter of the Basel Face Models of 2017 and 2019."""

import h5py
import numpy as np
import pytest
from pie_jax.converters import basel2017 as converter
from pie_jax.converters import basel_landmarks

from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from tests.converters import face_files as files

COMPONENTS = (90, 4, 6)
JSON = converter.LANDMARKS


@pytest.fixture(scope="module")
def head():
    return files.Head()


@pytest.fixture(scope="module")
def datasets(head):
    text = files.landmarks_json(files.named_points(head))
    return files.statismo(head, COMPONENTS) | {JSON: np.frombuffer(text, "u1")}


@pytest.fixture(autouse=True)
def template(monkeypatch, head):
    """Our open model's landmarks: here another head's, smaller and shifted."""
    places = 0.8 * head.mean[head.landmarks] + [0.1, 0.3, -0.2]
    monkeypatch.setattr(basel_landmarks, "template", lambda: places)


def convert(folder, content, name="model2017-1_bfm_nomouth.h5"):
    path = folder / name
    path.write_bytes(content)
    return converter.convert(path)


@pytest.mark.parametrize(
    "prefix", ["", "catalog/MorphableModel/", "a/b/"], ids=["root", "catalog", "deep"]
)
def test_faces_are_those_of_the_publishers_formula(tmp_path, datasets, prefix):
    # The named points are where the model is.
    arrays, info = convert(tmp_path, files.hdf5(datasets, prefix))
    morphable.from_arrays(arrays)
    rng = np.random.default_rng(1)
    codes = dict(zip(converter.MODELS, rng.normal(size=(3, 90)), strict=True))
    face = {}
    for (name, code), count in zip(codes.items(), COMPONENTS, strict=True):
        face[name] = datasets[f"{name}/model/mean"].astype(float)
        for k in range(min(count, 80)):
            deviation = np.sqrt(datasets[f"{name}/model/pcaVariance"][k])
            basis = datasets[f"{name}/model/pcaBasis"][:, k]
            face[name] = face[name] + code[k] * deviation * basis
    found = arrays["mean"] + np.tensordot(codes["shape"][:80], arrays["identity"], 1)
    found += np.tensordot(codes["expression"][:64], arrays["expression"], 1)
    mean = datasets["shape/model/mean"] + datasets["expression/model/mean"]
    shift = arrays["mean"][0] - mean[:3] / 100
    expected = (face["shape"] + face["expression"]).reshape(-1, 3) / 100 + shift
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    found = arrays["albedo_mean"]
    found = found + np.tensordot(codes["color"][:80], arrays["albedo"], 1)
    expected = face["color"].reshape(-1, 3)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert info["vertices"] == str(len(expected))
    assert not arrays["expression"][4:].any() and not arrays["albedo"][6:].any()


@pytest.mark.parametrize(
    "stored",
    [lambda x: np.frombuffer(x, "i1"), np.bytes_, lambda x: np.frombuffer(x, "u1")],
    ids=["int8", "text", "uint8"],
)
def test_landmarks_are_the_named_points_and_what_lies_between(
    tmp_path, head, datasets, stored
):
    text = files.landmarks_json(files.named_points(head))
    arrays, _ = convert(tmp_path, files.hdf5(datasets | {JSON: stored(text)}))
    vertices = np.concatenate([arrays["contour"][:, 0], arrays["inner"]])
    # The template is the same head, so that the warp is exact.
    places = head.mean[head.landmarks]
    np.testing.assert_allclose(head.mean[vertices], places, atol=1e-6)
    np.testing.assert_array_equal(arrays["triangles"], head.triangles)


def test_a_file_of_landmarks_beside_the_model_is_believed(tmp_path, head, datasets):
    rest = {name: value for name, value in datasets.items() if name != JSON}
    listed = tmp_path / "Landmarks68_model2019_bfm.anl"
    listed.write_text("\n".join(map(str, head.landmarks)))
    arrays, _ = convert(tmp_path, files.hdf5(rest), "model2019_bfm.h5")
    np.testing.assert_array_equal(arrays["contour"][:, 0], head.landmarks[:17])
    np.testing.assert_array_equal(arrays["inner"], head.landmarks[17:])


def test_all_names_that_lack_are_listed(tmp_path, head, datasets):
    points = files.named_points(head)
    del points["center.nose.tip"], points["left.eye.top"]
    text = np.bytes_(files.landmarks_json(points))
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.hdf5(datasets | {JSON: text}))
    for part in ("center.nose.tip\n", "left.eye.top\n", "Landmarks68_model2017-1_bfm"):
        assert part in str(caught.value)


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, datasets):
    wrong = datasets | {"color/model/surprise": np.ones(3)}
    del wrong["expression/model/pcaVariance"], wrong["shape/representer/cells"]
    wrong["color/model/mean"] = wrong["color/model/mean"][:-3]
    wrong["shape/model/pcaVariance"] = np.full(90, np.nan, "f4")
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.hdf5(wrong))
    for line in (
        "missing: expression/model/pcaVariance",
        "missing: shape/representer/cells [3, any]",
        "misshapen: color/model/mean: [1926] expected, float32 [1923] found",
        "not finite: shape/model/pcaVariance",
        "surplus: color/model/surprise",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({JSON: np.bytes_(b'{"id": 1}')}, "no list of points"),
        ({JSON: np.bytes_(b'[{"id": "x", "coordinates": [1]}]')}, "x is no point"),
        ({JSON: np.bytes_(b"[" * 100_000)}, "no list of points"),
        ({"shape/representer/cells": np.full((3, 4), 999)}, "whole numbers from 0"),
        ({"shape/model/mean": np.zeros(1926)}, "not those of a face"),
        ({"color/model/mean": np.zeros(1926, "c8")}, "array of complex64"),
    ],
)
def test_bad_contents_are_refused(tmp_path, datasets, changed, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, files.hdf5(datasets | changed))


def test_other_and_truncated_files_are_told_apart(tmp_path, datasets):
    with pytest.raises(PieError, match="holds no Basel model"):
        convert(tmp_path, files.hdf5({"weights/a": np.ones(3)}))
    content = files.hdf5(datasets)
    for length in (0, 8, 1000, len(content) // 2):
        with pytest.raises(PieError, match="damaged, truncated"):
            convert(tmp_path, content[:length])


def linked(root, secret):
    root["shape/model/mean"] = h5py.ExternalLink(secret, "data")


def soft(root, secret):
    root["elsewhere"] = np.zeros(3)
    root["shape/model/mean"] = h5py.SoftLink("/elsewhere")


def external(root, secret):
    storage = [(str(secret), 0, 12)]
    root.create_dataset("shape/model/mean", (3,), "f4", external=storage)


def virtual(root, secret):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(secret), "data", (3,))
    root.create_virtual_dataset("shape/model/mean", layout)


def objects(root, secret):
    root.create_dataset("shape/model/mean", (3,), h5py.string_dtype())


def bomb(root, secret):
    root.create_dataset("shape/model/mean", (2**32,), "f4", fillvalue=1, chunks=True)


def loops(root, secret):
    inner = root.create_group("a")
    for i in range(50):
        inner[f"again{i}"] = inner


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (linked, "is a link"),
        (soft, "is a link"),
        (external, "lies in another file"),
        (virtual, "lies in another file"),
        (objects, "array of object"),
        (bomb, "claims .* bytes of memory"),
        (loops, "holds no Basel model"),
    ],
)
def test_hostile_files_are_refused(tmp_path, write, message):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as root:
        root["data"] = np.arange(3, dtype="f4")
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as root:
        write(root, secret)
    with pytest.raises(PieError, match=message):
        converter.convert(path)
