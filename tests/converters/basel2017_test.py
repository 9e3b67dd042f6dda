import h5py
import numpy as np
import pytest

from pie_jax.converters import basel2017 as converter
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.io import assets
from tests.converters import face_files as files

COMPONENTS = (90, 4, 6)
JSON = converter.LANDMARKS


def published():
    """A head with our open model's landmarks, greater and elsewhere; its datasets."""
    head, ours = files.Head(), assets.load("morphable").flat
    places = 1.2 * ours["mean"].astype(float)[files.landmarks(ours)] + [0.1, 0.3, -0.2]
    head.landmarks = len(head.mean) + np.arange(68)
    head.mean = np.concatenate([head.mean, places])
    text = files.landmarks_json(files.named_points(head))
    return head, files.statismo(head, COMPONENTS) | {JSON: np.frombuffer(text, "u1")}


HEAD, DATASETS = published()


def convert(folder, datasets, prefix="", name="model2017-1_bfm_nomouth.h5"):
    (folder / name).write_bytes(files.hdf5(datasets, prefix))
    return converter.convert(folder / name)


@pytest.mark.parametrize("prefix", ["", "catalog/MorphableModel/", "a/b/"])
def test_faces_are_those_of_the_publishers_formula(tmp_path, prefix):
    arrays, info = convert(tmp_path, DATASETS, prefix)
    morphable.from_arrays(arrays)
    codes = np.random.default_rng(1).normal(size=(3, 80))
    face = {}
    for name, code, count in zip(converter.MODELS, codes, COMPONENTS, strict=True):
        face[name] = DATASETS[f"{name}/model/mean"].astype(float)
        for k in range(min(count, 80)):
            deviation = np.sqrt(DATASETS[f"{name}/model/pcaVariance"][k])
            face[name] += code[k] * deviation * DATASETS[f"{name}/model/pcaBasis"][:, k]
    found, colours = files.face(arrays, *codes)
    mean = DATASETS["shape/model/mean"] + DATASETS["expression/model/mean"]
    shift = arrays["mean"][0] - mean[:3] / 100
    expected = (face["shape"] + face["expression"]).reshape(-1, 3) / 100 + shift
    files.assert_close(found, expected)
    files.assert_close(colours, face["color"].reshape(-1, 3))
    assert info["vertices"] == str(len(expected))
    assert not arrays["expression"][4:].any() and not arrays["albedo"][6:].any()


@pytest.mark.parametrize(
    "stored",
    [lambda x: np.frombuffer(x, "i1"), np.bytes_, lambda x: np.frombuffer(x, "u1")],
)
def test_landmarks_are_the_named_points_and_what_lies_between(tmp_path, stored):
    text = files.landmarks_json(files.named_points(HEAD))
    arrays, _ = convert(tmp_path, DATASETS | {JSON: stored(text)})
    found, places = (HEAD.mean[x] for x in (files.landmarks(arrays), HEAD.landmarks))
    np.testing.assert_allclose(found, places, atol=1e-6)
    np.testing.assert_array_equal(arrays["triangles"], HEAD.triangles)


def test_a_file_of_landmarks_beside_the_model_is_believed(tmp_path):
    rest = {name: value for name, value in DATASETS.items() if name != JSON}
    listed = tmp_path / "Landmarks68_model2019_bfm.anl"
    listed.write_text("\n".join(map(str, HEAD.landmarks)))
    arrays, _ = convert(tmp_path, rest, name="model2019_bfm.h5")
    np.testing.assert_array_equal(files.landmarks(arrays), HEAD.landmarks)


def named_but(*left_out):
    points = files.named_points(HEAD).items()
    return files.landmarks_json({k: x for k, x in points if k not in left_out})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({JSON: np.bytes_(b'{"id": 1}')}, "no list of points"),
        ({JSON: np.bytes_(b'[{"id": "x", "coordinates": [1]}]')}, "x is no point"),
        ({JSON: np.bytes_(b"[" * 100_000)}, "no list of points"),
        (
            {JSON: np.bytes_(named_but("center.nose.tip", "left.eye.top"))},
            "center.nose.tip\n  left.eye.top\nPut a file Landmarks68_model2017-1_bfm",
        ),
        ({"shape/representer/cells": np.full((3, 4), 999)}, "whole numbers from 0"),
        ({"shape/representer/cells": np.ones(3)}, r"cells: \[3, any\] expected"),
        ({"shape/model/mean": np.zeros(2130)}, "not those of a face"),
        ({"color/model/mean": np.zeros(2130, "c8")}, "array of complex64"),
        ({"color/model/mean": np.zeros(9)}, r"misshapen: color/model/mean: \[2130\]"),
        ({"shape/model/pcaVariance": np.full(90, np.nan)}, "not finite: shape/model"),
        ({"color/model/surprise": np.ones(3)}, "surplus: color/model/surprise"),
        ({"expression/model/pcaVariance": None}, "missing: expression/model/pcaVar"),
        ({"shape/model/mean": None}, "holds no Basel model"),
    ],
)
def test_bad_contents_are_refused(tmp_path, changed, message):
    datasets = {k: x for k, x in (DATASETS | changed).items() if x is not None}
    with pytest.raises(PieError, match=message):
        convert(tmp_path, datasets)


def linked(root, secret):
    root["shape/model/mean"] = h5py.ExternalLink(secret, "data")


def external_text(root, secret):
    root.create_dataset(JSON, (1,), "S12", external=[(str(secret), 0, 12)])
    root["shape/model/mean"] = np.zeros(3)


def long_text(root, secret):
    root["shape/model/mean"] = np.zeros(3)
    root.create_dataset(JSON, (2**20,), "S2")


def loops(root, secret):
    inner = root.create_group("a")
    for i in range(50):
        inner[f"again{i}"] = inner


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (linked, "is a link"),
        (external_text, "array of .S12"),
        (long_text, "array of .S2"),
        (loops, "holds no Basel model"),
    ],
)
def test_hostile_files_are_refused(tmp_path, write, message):
    path, secret = tmp_path / "model.h5", tmp_path / "secret"
    secret.write_bytes(b"known to few")
    with h5py.File(path, "w") as root:
        write(root, secret)
    with pytest.raises(PieError, match=message):
        converter.convert(path)
