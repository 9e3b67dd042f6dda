import json

import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.converters import codes as foreign
from pie_jax.core.theta import neutral
from pie_jax.face.surface import surface
from pie_jax.io import codes, records
from pie_jax.workflows import fit
from tests import builders, toys
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


THETA = neutral().replace(
    rotation=jnp.asarray([0.1, 0.4, -0.2]),
    translation=jnp.asarray([0.3, 0.2, 0.1]),
    identity=jnp.linspace(-2, 2, 80),
    expression=jnp.linspace(1, -1, 64),
    reflectance=jnp.linspace(-1, 2, 80),
)


@pytest.fixture
def fitted(installed, tmp_path):
    """A `theta.json` of the toy face model; of the first versions, which named none."""
    record = fit.describe(toys.model(), fit.Fitted(THETA, {}))
    records.write(tmp_path / "theta.json", record)
    return tmp_path / "theta.json"


@pytest.mark.parametrize("posed", [False, True])
def test_a_fitted_face_becomes_a_mesh(fitted, posed):
    vertices, colours = surface(toys.model(), THETA, posed=posed)
    words = ("--posed",) if posed else ()
    for name, source in (("face.obj", fitted), ("face.ply", fitted.parent)):
        out = fitted.with_name(name)
        assert export(source, out, *words) == 0
        if name.endswith("obj"):
            found = meshes_test.parse_obj(out.read_text())
        else:
            found = meshes_test.parse_ply(out.read_bytes())
        np.testing.assert_allclose(found[0], vertices, atol=1e-5)
        np.testing.assert_array_equal(found[1], toys.model().triangles)
        np.testing.assert_allclose(found[2], colours, atol=2.1e-3)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"theta": {"identity": [0.0] * 79}}, "identity are not 80"),
        ({"theta": {"rotation": ["a"] * 3}}, "neither theta.json"),
        ({"theta": {"rotation": [1e99] * 3}}, "rotation are not 3"),
        ({"theta": {}}, "neither theta.json"),
        ({"face_model": "bfm"}, "neither theta.json"),
        ({"face_model": {"name": "bfm"}}, "choose one of"),
        (
            {"face_model": {"name": "bfm_front", "path": "gone"}},
            "gone cannot be read",
        ),
        (b"{", "neither theta.json"),
        (b"[1]", "neither theta.json"),
        (b"\xff" * 9, "neither theta.json"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_what_is_no_face_is_refused(fitted, capsys, change, message):
    if isinstance(change, dict):
        record = json.loads(fitted.read_text())
        if theta := change.get("theta"):
            change = change | {"theta": record["theta"] | theta}
        change = json.dumps(record | change).encode()
    fitted.write_bytes(change)
    assert export(fitted, fitted.with_name("face.obj")) == 1
    assert message in capsys.readouterr().err
    assert not fitted.with_name("face.obj").exists()


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
    (fitted.parent / "empty").mkdir()
    assert export(fitted.parent / source, fitted.parent / out) == 1
    assert message in capsys.readouterr().err
