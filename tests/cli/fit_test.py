"""`pie fit` on a toy face model and a small random MoFA."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from pie_jax.converters import stack
from PIL import Image

from pie_jax.cli import main, reconstruct, shipped
from pie_jax.core import theta as parameters
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.face.render import render_vertices
from pie_jax.io import alignment, assets, converted, images, portraits, weights
from pie_jax.networks import deep3d
from pie_jax.networks.landmark_net import LandmarkNet
from pie_jax.networks.mofa import RECOGNITION, MoFA
from tests import builders
from tests.builders import pie

WIDTH = 1 / 8
HEADS = ("angles", "shift", "depth", "identity", "expression")
UNITS = ("mouthSmileLeft", "jawOpen")


def toy_assets() -> dict[str, assets.Asset]:
    """What is installed with the package, small, and what is fetched."""
    blank = jnp.zeros((1, 128, 128, 3))
    params = builders.random_params(lambda key: MoFA(WIDTH).init(key, blank)["params"])
    recognition = params.pop(RECOGNITION)
    finder = builders.random_params(
        lambda key: LandmarkNet(WIDTH).init(key, blank)["params"]
    )
    shift = (places() + 0.5) / 256 - 0.5  # about the landmarks of `toy_portrait`
    finder |= {"scale": jnp.full((68, 2), 0.1), "shift": jnp.asarray(shift)}
    model = builders.toy_arrays() | {
        "unit_names": np.frombuffer("\n".join(UNITS).encode(), np.uint8),
        "unit_codes": np.random.default_rng(1).normal(size=(len(UNITS), 64)),
    }
    return {
        "morphable": assets.Asset(model, {}),
        "mofa": assets.Asset(halves(0.01, params), {}),
        "landmark_net": assets.Asset(halves(1, finder), {}),
        "dlib_resnet": recognition,
    }


def halves(scale, params):
    """Scaled parameters as a file has them."""
    flat = traverse_util.flatten_dict(params, sep="/")
    return {name: np.asarray(scale * x, np.float16) for name, x in flat.items()}


@pytest.fixture(scope="module")
def toys():
    return toy_assets()


@pytest.fixture
def installed(toys, no_weights, monkeypatch):
    """Puts the toys in the place of the package's own; its dict may be changed."""
    there = dict(toys)
    monkeypatch.setattr(assets, "load", lambda name: there[name])
    monkeypatch.setattr(weights, "load", lambda name: there[name])
    monkeypatch.setattr(stack, "ensure", lambda *names: None)
    return there


def places() -> np.ndarray:
    """`[68, 2]`, pixels of 256: the landmarks of the toy's face, a little turned."""
    turned = parameters.neutral().replace(rotation=jnp.array([0.1, 0.3, 0.1]))
    rendering = render_vertices(builders.toy_morphable(), turned, 256)
    return np.asarray(rendering.landmarks, np.float64) - 0.5


def toy_portrait(path, face=None) -> portraits.Portrait:
    """Any picture is a face, with the landmarks of the toy's."""
    landmarks = places()
    return portraits.Portrait(
        aligned_u8=np.asarray(Image.open(path).resize((256, 256))),
        alignment=dataclasses.replace(alignment.whole(64, 256), landmarks=landmarks),
        landmarks=landmarks,
    )


@pytest.fixture
def faces_everywhere(monkeypatch):
    """No detector and no predictor is needed."""
    monkeypatch.setattr(stack, "ensure", lambda *names: None)
    monkeypatch.setattr(portraits, "load_portrait", toy_portrait)
    monkeypatch.setattr(portraits, "load_aligned", toy_portrait)
    monkeypatch.setattr(reconstruct, "_FRAMES", 3)
    monkeypatch.setattr(reconstruct, "_TURNING", 32)


@pytest.fixture
def photo(tmp_path):
    return builders.square_photo(tmp_path / "anna.png")


@pytest.mark.usefixtures("installed", "faces_everywhere")
def test_the_folder_gets_pictures_and_all_of_theta(photo, tmp_path, capsys):
    out = tmp_path / "new" / "fitted"
    assert pie("fit", photo, "--out", out) == 0
    assert capsys.readouterr().out.strip() == str(out)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["components.png", "overlay.png", "theta.json", "turntable.gif"]
    assert images.read(out / "overlay.png").shape == (256, 256, 3)
    assert images.read(out / "components.png").shape == (256, 4 * 256, 3)
    with Image.open(out / "turntable.gif") as turn:
        assert (turn.n_frames, turn.size) == (3, (64, 32))
    record = json.loads((out / "theta.json").read_text())
    sizes = {name: len(values) for name, values in record["theta"].items()}
    assert sizes == parameters.SIZES
    degrees = [record["degrees"][name] for name in ("pitch", "yaw", "roll")]
    np.testing.assert_allclose(
        np.deg2rad(degrees), record["theta"]["rotation"], atol=1e-6
    )
    assert set(record["expressions"]) == set(UNITS)
    assert record["camera"]["focal_in_image_widths"] == 4.5
    assert record["errors"].keys() == {"landmark", "colour"}
    placed = alignment.Alignment.from_dict(record["alignment"])
    assert placed.size == 256


@pytest.mark.usefixtures("installed", "faces_everywhere")
def test_mofas_estimate_is_corrected(photo, tmp_path):
    assert pie("fit", photo, "--out", tmp_path / "out") == 0
    record = json.loads((tmp_path / "out" / "theta.json").read_text())
    found = np.concatenate([record["theta"][name] for name in parameters.SIZES])
    portrait = toy_portrait(photo)
    image = jnp.asarray(images.from_u8(portrait.aligned_u8))[None]
    network = shipped.mofa()
    whole = shipped.corrected(network, shipped.face_model())
    alone, expected = (
        parameters.to_vector(jax.jit(x.apply)(x.params, image))[0]
        for x in (network, whole)
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.abs(found - alone).max() > 0.1


@pytest.mark.usefixtures("installed", "faces_everywhere")
def test_a_fit_that_is_interrupted_leaves_no_numbers_of_another(
    photo, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    (out / ".partial-mine").mkdir(parents=True)
    (out / ".partial-mine" / "keep.txt").write_text("kept")
    (out / "theta.json").write_text("{}")

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(reconstruct, "write_pictures", interrupted)
    assert pie("fit", photo, "--out", out) == main.INTERRUPTED
    assert builders.files(out) == {".partial-mine/keep.txt": b"kept"}


@pytest.mark.usefixtures("installed", "faces_everywhere")
def test_refinement_lowers_the_errors(photo, tmp_path):
    left = []
    for steps in (0, 30):
        assert pie("fit", photo, "--out", tmp_path / "out", "--refine", steps) == 0
        record = json.loads((tmp_path / "out" / "theta.json").read_text())
        assert record["refine"] == steps
        left.append(record["errors"])
    assert left[1]["landmark"] < 0.9 * left[0]["landmark"]


@pytest.fixture
def other_stack(tmp_path):
    """Files of another face model and of what estimates its faces, as options."""
    arrays = {k: np.asarray(x) for k, x in builders.toy_arrays(seed=5).items()}
    blank = jnp.zeros((1, deep3d.SIZE, deep3d.SIZE, 3))
    module = deep3d.Deep3D(1 / 16)
    network = builders.random_params(lambda key: module.init(key, blank)["params"])
    network |= {name: jax.tree.map(lambda x: x / 100, network[name]) for name in HEADS}
    flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, network), sep="/")
    options = []
    for part, name, content in (
        ("mofa", "deep3d", flat),
        ("face_model", "bfm_front", arrays),
    ):
        file = tmp_path / f"{name}.safetensors"
        converted.save(file, content, {"kind": name})
        options += [f"--config.{part}={name}", f"--config.files.{part}={file}"]
    return options


@pytest.mark.usefixtures("installed", "faces_everywhere")
def test_another_face_model_is_fitted_and_exported(
    photo, tmp_path, other_stack, capsys
):
    out, mesh = tmp_path / "out", tmp_path / "face.ply"
    assert pie("fit", photo, "--out", out, "--refine", 5, *other_stack) == 0
    record = json.loads((out / "theta.json").read_text())
    model = tmp_path / "bfm_front.safetensors"
    assert record["face_model"] == {
        "name": "bfm_front",
        "path": str(model),
        "sha256": converted.sha256(model),
    }
    assert pie("export", out / "theta.json", "--out", mesh) == 0
    theta = {k: jnp.asarray(record["theta"][k]) for k in parameters.SIZES}
    bfm = builders.toy_morphable(seed=5)
    expected = morphable.vertices(bfm, theta["identity"], theta["expression"])
    header, body = mesh.read_bytes().split(b"end_header\n")
    assert f"element vertex {len(expected)}".encode() in header
    first = np.frombuffer(body[:12], "<f4")
    np.testing.assert_allclose(first, expected[0], atol=1e-4)
    assert pie("fit", photo, "--out", out, *other_stack[:2]) == 1
    assert "sees faces of bfm_front, not of morphable" in capsys.readouterr().err
    changed = builders.toy_arrays(seed=6)
    converted.save(model, changed, {"kind": "bfm_front"})
    assert pie("export", out / "theta.json", "--out", mesh) == 1
    assert "another file now; make it again" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_named_expressions_come_back():
    model = shipped.face_model()
    code = model.unit_codes[0] * 0.6
    theta = parameters.neutral().replace(expression=code)
    record = reconstruct.describe(model, reconstruct.Fitted(theta, {"colour": 0.5}))
    assert record["expressions"]["mouthSmileLeft"] == pytest.approx(0.6, abs=1e-3)
    assert record["expressions"]["jawOpen"] == pytest.approx(0, abs=1e-3)
    assert json.loads(json.dumps(record)) == record


def test_a_face_model_that_is_none_is_named(installed):
    broken = {k: v for k, v in installed["morphable"].arrays.items() if k != "camera"}
    installed["morphable"] = assets.Asset(broken, {})
    with pytest.raises(PieError, match="morphable.*missing: camera"):
        shipped.face_model()


@pytest.mark.parametrize("lost, reason", [("body/stem/bias", "not MoFA"), ("yaw", "")])
def test_parameters_that_do_not_fit_are_named(installed, lost, reason):
    arrays = dict(installed["mofa"].arrays)
    if lost in arrays:
        del arrays[lost]
    else:
        arrays["rotation/bias"] = np.zeros(2, np.float16)
        reason = r"rotation/bias is float32 \[2\]"
    installed["mofa"] = assets.Asset(arrays, {})
    with pytest.raises(PieError, match=reason) as error:
        shipped.mofa()
    assert "Install the package again." in str(error.value)


def test_a_scalar_in_the_place_of_a_bias_is_named(installed):
    broken = installed["mofa"].arrays | {"body/stem/bias": np.float16(1)}
    installed["mofa"] = assets.Asset(broken, {})
    with pytest.raises(PieError, match="not MoFA"):
        shipped.mofa()


@pytest.mark.usefixtures("installed")
def test_the_installed_network_is_used_as_it_was_trained(toys):
    estimator = shipped.mofa()
    image = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3)))
    flat = {k: jnp.asarray(x, jnp.float32) for k, x in toys["mofa"].arrays.items()}
    params = traverse_util.unflatten_dict(flat, sep="/")
    params[RECOGNITION] = toys["dlib_resnet"]
    expected = jax.jit(MoFA(WIDTH).apply)({"params": params}, image)
    found = jax.jit(estimator.apply)(estimator.params, image)
    np.testing.assert_allclose(
        parameters.to_vector(found), parameters.to_vector(expected), atol=1e-5
    )


@pytest.mark.usefixtures("installed")
def test_where_there_is_no_face_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stack, "ensure", lambda *names: None)
    wall = tmp_path / "wall.png"
    Image.new("RGB", (64, 64)).save(wall)
    assert pie("fit", wall, "--out", tmp_path / "out") == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"pie: {wall}: no face found")
    assert list(tmp_path.iterdir()) == [wall]


def test_what_the_names_tell_is_told_before_anything_is_fetched(
    tmp_path, photo, monkeypatch, capsys
):
    monkeypatch.setattr(stack, "ensure", lambda *names: pytest.fail("fetched"))
    monkeypatch.setattr(assets, "load", lambda name: pytest.fail("loaded"))
    cases = [
        (tmp_path / "absent.jpg", tmp_path / "out", "no such file"),
        (tmp_path, tmp_path / "out", "found a folder"),
        (photo, photo, "cannot write to"),
    ]
    for source, out, reason in cases:
        assert pie("fit", source, "--out", out) == 1
        assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [photo]


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
def test_a_number_of_steps_that_is_none_is_wrong_usage(number, capsys):
    with pytest.raises(SystemExit, match="2"):
        pie("fit", "a.jpg", "--out", "out", f"--refine={number}")
    assert "--refine: a number was expected" in capsys.readouterr().err


def test_the_help_shows_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        pie("fit", "--help")
    shown = capsys.readouterr().out
    assert "pie fit face.jpg --out fitted --refine 200" in shown
    assert "theta.json" in shown
