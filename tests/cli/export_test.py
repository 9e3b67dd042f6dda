"""`pie export`: codes and faces for other programs."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import codes as foreign

from pie_jax.cli import reconstruct
from pie_jax.core.theta import neutral
from pie_jax.face import morphable
from pie_jax.face.surface import surface
from pie_jax.io import assets, codes
from tests import builders
from tests.io import meshes_test


def export(source, out, *words) -> int:
    return builders.pie("export", source, "--out", out, *words)


@pytest.mark.parametrize("inside", [".", "code"])
def test_an_embedded_code_can_be_read_by_other_projects(embedded, tmp_path, inside):
    code, _ = codes.load(embedded.folder)
    for name in ("face.npy", "face.npz"):
        assert export(embedded.folder / inside, tmp_path / name) == 0
    expected = code["w_plus"][None]
    np.testing.assert_array_equal(np.load(tmp_path / "face.npy"), expected)
    with np.load(tmp_path / "face.npz") as archive:
        assert archive.files == ["w"]
        np.testing.assert_array_equal(archive["w"], expected)


def test_what_is_exported_is_read_back(tmp_path):
    w = np.random.default_rng(0).normal(size=512).astype(np.float32)
    codes.save(tmp_path / "code", {"w": w}, {"generator": "g"})
    for name in ("a.npy", "a.npz"):
        assert export(tmp_path / "code", tmp_path / name) == 0
        read = foreign.read(tmp_path / name)
        np.testing.assert_array_equal(codes.to_w_plus(read, 5, name)[0], [w] * 5)


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """A `theta.json` of a toy face model, its face, and the model."""
    arrays = builders.toy_arrays()
    monkeypatch.setattr(assets, "load", lambda name: assets.Asset(arrays, {}))
    model = morphable.from_arrays(arrays)
    theta = neutral().replace(
        rotation=jnp.asarray([0.1, 0.4, -0.2]),
        translation=jnp.asarray([0.3, 0.2, 0.1]),
        identity=jnp.linspace(-2, 2, 80),
        expression=jnp.linspace(1, -1, 64),
        reflectance=jnp.linspace(-1, 2, 80),
    )
    record = reconstruct.describe(model, reconstruct.Fitted(theta, {}))
    reconstruct.write_record(tmp_path / "theta.json", record)
    return tmp_path / "theta.json", theta, model


@pytest.mark.parametrize("posed", [False, True])
def test_a_fitted_face_becomes_a_mesh(fitted, posed):
    record, theta, model = fitted
    vertices, colours = surface(model, theta, posed=posed)
    words = ("--posed",) if posed else ()
    for name in ("face.obj", "face.ply"):
        out = record.with_name(name)
        assert export(record, out, *words) == 0
        if name.endswith("obj"):
            found = meshes_test.parse_obj(out.read_text())
        else:
            found = meshes_test.parse_ply(out.read_bytes())
        np.testing.assert_allclose(found[0], vertices, atol=1e-5)
        np.testing.assert_array_equal(found[1], model.triangles)
        np.testing.assert_allclose(found[2], colours, atol=2.1e-3)


def spoil(record, **changes):
    content = json.loads(record.read_text())
    content["theta"].update(changes)
    record.write_text(json.dumps(content))


def name_model(record, chosen):
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"face_model": chosen}))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda record: record.write_text("{"), "neither theta.json"),
        (lambda record: record.write_text("[1]"), "neither theta.json"),
        (lambda record: record.write_text('{"theta": {}}'), "neither theta.json"),
        (lambda record: record.write_bytes(b"\xff" * 9), "neither theta.json"),
        (lambda record: spoil(record, identity=[0.0] * 79), "identity are not 80"),
        (lambda record: spoil(record, rotation=["a"] * 3), "neither theta.json"),
        (lambda record: spoil(record, rotation=[1e99] * 3), "rotation are not 3"),
        (lambda record: name_model(record, "bfm"), "neither theta.json"),
        (lambda record: name_model(record, {"name": "bfm"}), "choose one of"),
        (
            lambda record: name_model(record, {"name": "bfm_front", "path": "gone"}),
            "gone cannot be read",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_what_is_no_face_is_refused(fitted, capsys, change, message):
    record, _, _ = fitted
    change(record)
    assert export(record, record.with_name("face.obj")) == 1
    assert message in capsys.readouterr().err
    assert not record.with_name("face.obj").exists()


@pytest.mark.parametrize(
    "source, out, message",
    [
        ("absent", "a.npy", "no such folder or file"),
        ("empty", "a.npy", "holds no code"),
        ("empty", "a.obj", "end the name in .npy or .npz"),
        ("theta.json", "a.npy", "end the name in .obj or .ply"),
        ("theta.json", "absent/a.obj", "no folder"),
    ],
)
def test_the_wrong_names_are_refused(fitted, capsys, source, out, message):
    folder = fitted[0].parent
    (folder / "empty").mkdir()
    assert export(folder / source, folder / out) == 1
    assert message in capsys.readouterr().err
