import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util
from PIL import Image

from pie_jax.core import theta as parameters
from pie_jax.core.errors import PieError
from pie_jax.core.params import Params
from pie_jax.face import correction, morphable
from pie_jax.face.render import render_image, render_vertices
from pie_jax.io import images, records
from pie_jax.networks import deep3d
from pie_jax.photos import alignment, portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import configuration, converted
from pie_jax.stack.load import face_model_record, load, origins
from pie_jax.stack.uses import FIT
from pie_jax.workflows import export, fit
from tests import builders, toys
from tests.training.reconstruction_test import random_theta


def shown(theta, size=2 * fit.RESOLUTION) -> Portrait:
    model = builders.toy_morphable()
    image, _ = render_image(model, theta, size)
    # Landmarks of portraits have integers at pixel centres.
    landmarks = np.asarray(render_vertices(model, theta, size).landmarks[0]) - 0.5
    aligned_u8 = np.uint8(np.rint(255 * np.asarray(image[0])))
    return Portrait(aligned_u8, alignment.whole(size, size), landmarks)


def test_a_rendered_face_is_where_its_landmarks_are_and_is_refined_to_them():
    theta = random_theta(1)
    params = Params(face_model=builders.toy_morphable())
    fitted = fit.fit(lambda params, image: theta, params, shown(theta), 0)
    assert fitted.errors["landmark"] < 1e-4
    assert fitted.errors["colour"] < 0.15
    found = jax.tree.map(lambda x: x[0], theta)
    np.testing.assert_array_equal(fitted.theta.rotation, found.rotation)
    beside = dataclasses.replace(theta, translation=theta.translation + 0.1)
    left = [
        fit.fit(lambda params, image: beside, params, shown(theta), steps).errors
        for steps in (0, 30)
    ]
    assert left[1]["landmark"] < 0.9 * left[0]["landmark"]


@pytest.fixture(scope="module")
def fitted(toy_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted") / "new" / "out"
    with pytest.MonkeyPatch.context() as patch:
        toys.install(toy_cache, patch)
        fit.fit_photo(toys.PHOTO, out, configuration.load("testing"))
    return out


def test_the_folder_gets_pictures_and_all_of_theta_corrected(fitted, installed):
    names = sorted(path.name for path in fitted.iterdir())
    assert names == ["components.png", "overlay.png", "theta.json", "turntable.gif"]
    assert images.read(fitted / "overlay.png").shape == (1024, 1024, 3)
    assert images.read(fitted / "components.png").shape == (512, 4 * 512, 3)
    with Image.open(fitted / "turntable.gif") as turn:
        assert turn.n_frames == 36 and turn.size == (512, 256)
    record = json.loads((fitted / "theta.json").read_text())
    sizes = {name: len(values) for name, values in record["theta"].items()}
    assert sizes == parameters.SIZES
    degrees = [record["degrees"][name] for name in ("pitch", "yaw", "roll")]
    found = record["theta"]["rotation"]
    np.testing.assert_allclose(np.deg2rad(degrees), found, atol=1e-6)
    assert set(record["expressions"]) == set(toys.UNITS)
    assert record["camera"]["focal_in_image_widths"] == 4.5
    assert record["errors"].keys() == {"landmark", "colour"}
    assert record["refine"] == 0 and record["photo"] == toys.PHOTO.name
    placed = alignment.Alignment.from_dict(record["alignment"])
    np.testing.assert_array_equal(placed.landmarks, toys.photo_landmarks())
    found = np.concatenate([record["theta"][name] for name in parameters.SIZES])
    stack = load(configuration.load("testing"), FIT)
    functions, params = stack.functions, stack.params
    estimate = functions.networks.estimate
    portrait = portraits.to_target(portraits.load_portrait(toys.PHOTO), fit.RESOLUTION)
    image = portrait.image[None]
    see = correction.corrected(estimate, functions.find_landmarks)
    alone = parameters.to_vector(estimate(params.mofa, image))[0]
    expected = parameters.to_vector(jax.jit(see)(params, image))[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.abs(found - alone).max() > 0.1


def test_a_fit_that_fails_leaves_no_numbers_and_without_a_face_none_are_written(
    installed, tmp_path
):
    out = tmp_path / "out"
    (out / ".partial-mine").mkdir(parents=True)
    (out / ".partial-mine" / "keep.txt").write_text("kept")
    (out / "theta.json").write_text("{}")
    (out / "overlay.png").mkdir()
    with pytest.raises(PieError, match="overlay.png: cannot be written"):
        fit.fit_photo(toys.PHOTO, out, configuration.load("testing"))
    assert builders.files(out) == {".partial-mine/keep.txt": b"kept"}

    wall = tmp_path / "wall.png"
    Image.new("RGB", (64, 64)).save(wall)
    with pytest.raises(PieError, match=f"^{wall}: no face found"):
        fit.fit_photo(wall, tmp_path / "wall", configuration.load("testing"))
    assert {x.name for x in tmp_path.iterdir()} == {"out", "wall.png"}


def test_named_expressions_come_back():
    model = toys.model()
    theta = parameters.neutral().replace(expression=model.unit_codes[0] * 0.6)
    record = fit.describe(model, fit.Fitted(theta, {"colour": 0.5}))
    assert record["expressions"]["mouthSmileLeft"] == pytest.approx(0.6, abs=1e-3)
    assert record["expressions"]["jawOpen"] == pytest.approx(0, abs=1e-3)
    assert json.loads(json.dumps(record)) == record


@pytest.fixture
def other_stack(tmp_path):
    """Options that name another face model, and what estimates its faces."""
    shape = (1, deep3d.SIZE, deep3d.SIZE, 3)
    network = builders.module_params(deep3d.Deep3D(1 / 16), shape)
    flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, network), sep="/")
    files = {
        "mofa": ("deep3d", flat),
        "face_model": ("bfm_front", builders.toy_arrays(seed=5)),
    }
    options = []
    for part, (name, content) in files.items():
        file = tmp_path / f"{name}.safetensors"
        converted.save(file, content, {"kind": name})
        options += [f"--config.{part}={name}", f"--config.files.{part}={file}"]
    return options


def test_a_face_of_another_model_is_exported_as_long_as_its_file_stays(
    no_weights, tmp_path, other_stack
):
    config = configuration.load("testing", other_stack)
    params = load(config, FIT).params
    file = tmp_path / "bfm_front.safetensors"
    known = {"path": str(file), "sha256": converted.sha256(file)}
    assert face_model_record(config, origins(config)) == {"name": "bfm_front", **known}
    bfm = builders.toy_morphable(seed=5)
    np.testing.assert_array_equal(params.face_model.mean, bfm.mean)
    assert params.mofa["face_model"] is params.face_model
    theta = parameters.neutral().replace(identity=jnp.linspace(-1, 1, 80))
    described = fit.describe(bfm, fit.Fitted(theta, {}))
    record, mesh = tmp_path / "theta.json", tmp_path / "face.ply"
    records.write(
        record, described | {"face_model": face_model_record(config, origins(config))}
    )
    export.export(record, mesh)
    expected = morphable.vertices(bfm, theta.identity, theta.expression)
    header, body = mesh.read_bytes().split(b"end_header\n")
    assert f"element vertex {len(expected)}".encode() in header
    first = np.frombuffer(body[:12], "<f4")
    np.testing.assert_allclose(first, expected[0], atol=1e-4)
    with pytest.raises(PieError, match="sees faces of bfm_front, not of morphable"):
        load(configuration.load("testing", other_stack[:2]), FIT)
    converted.save(file, builders.toy_arrays(seed=6), {"kind": "bfm_front"})
    with pytest.raises(PieError, match="another file now; make it again"):
        export.export(record, mesh)
