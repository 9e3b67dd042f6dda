"""`pie edit` with rigs that are exact, or do nothing."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from pie_jax.cli import config, editing, requests, runtime, studio
from pie_jax.core.interfaces import Rig
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams
from pie_jax.face import morphable
from pie_jax.io import images, provenance
from tests import builders
from tests.cli import fit_test

UNITS = fit_test.UNITS
LIMIT = np.radians(40)


def estimate(params, image):
    """What this world calls a pose: the picture's mean colour, over ten."""
    mean = image.mean(axis=(1, 2)) * params
    parts = {name: jnp.zeros((len(image), size)) for name, size in SIZES.items()}
    parts["rotation"] = mean
    parts["illumination"] = parts["illumination"] + 1.0
    return FaceParams(**parts)


def toy_rig(component):
    """Moves all rows of a code along a diagonal."""

    def apply(params, w_plus, theta):
        part = getattr(theta, component)
        return w_plus + 0.5 * part[:, :1, None] + 0.2 * part[:, 1:2, None]

    size = SIZES[component]
    limits = jnp.full(size, LIMIT)
    return Rig(apply, component), {"low": -limits, "high": limits}


@pytest.fixture
def installed(no_weights, monkeypatch):
    """Toys in the place of the package's networks."""
    arrays = builders.toy_arrays() | {
        "unit_names": morphable.encode_names(UNITS),
        "unit_codes": np.random.default_rng(1).normal(size=(len(UNITS), 64)),
    }
    model = morphable.from_arrays(arrays)
    start = runtime.start

    def with_toys(config, *also, parts):
        kept = tuple(part for part in parts if part in ("generator", "recognition"))
        assembled, params = start(config, *also, parts=kept)
        rigs = {c: toy_rig(c) for c in COMPONENTS if f"rig_{c}" in parts}
        assembled = assembled._replace(
            estimate=estimate, rigs={c: rig for c, (rig, _) in rigs.items()}
        )
        params |= {"mofa": jnp.asarray(0.1), "face_model": model}
        return assembled, params | {f"rig_{c}": x for c, (_, x) in rigs.items()}

    def as_estimated(estimate, landmarks):
        return lambda params, image: estimate(params["mofa"], image)

    monkeypatch.setattr(studio.runtime, "start", with_toys)
    monkeypatch.setattr(studio, "sight", as_estimated)


@pytest.fixture
def anna(embedded, tmp_path, installed):
    """A portrait's folder that may be changed."""
    return shutil.copytree(embedded.folder, tmp_path / "anna")


def run(folder, *words) -> int:
    return builders.pie("edit", folder, *words, "--config", "testing")


def record(folder):
    return json.loads((folder / "edit.json").read_text())


def test_an_edit_leaves_a_picture_and_a_record(anna, capsys):
    assert run(anna, "--yaw", "+=8", "--pitch", "-3") == 0
    folder = anna / "edits" / "yaw+8_pitch-3"
    assert capsys.readouterr().out.strip() == str(folder)
    assert {path.name for path in folder.iterdir()} == {"edited.png", "edit.json"}
    text = images.read_text(folder / "edited.png")
    assert text["Description"] == provenance.COMMENT
    found = record(folder)
    assert found["portrait"] == "anna"
    assert found["asked"] == {"yaw": "+=8", "pitch": -3.0}
    assert found["how"]["feedback"] == 1
    own, edit = found["own"]["degrees"], found["edit"]
    assert edit["requested"]["degrees"]["yaw"] == pytest.approx(
        own["yaw"] + 8, abs=1e-3
    )
    assert edit["requested"]["degrees"]["pitch"] == pytest.approx(-3, abs=1e-3)
    assert edit["errors"].keys() == {"rotation"}
    assert edit["recognition_distance"] is None
    assert "rotation" not in edit["leaks"] and edit["leaks"]["landmarks"] == 0


def test_the_error_is_the_angle_between_requested_and_achieved(anna):
    assert run(anna, "--yaw", "5", "--feedback", "0") == 0
    edit = record(anna / "edits" / "yaw5")["edit"]
    wanted, got = (
        np.radians([edit[k]["degrees"][n] for n in ("pitch", "yaw", "roll")])
        for k in ("requested", "achieved")
    )
    # Small angles: the rotation between both is nearly the difference.
    assert edit["errors"]["rotation"] == pytest.approx(
        np.linalg.norm(wanted - got), rel=0.1
    )


def test_what_a_turn_tilts_the_picture_is_turned_back_by(anna):
    opened = studio.open_studio(anna, config.load("testing"), ("rotation",), ())
    wish, own = requests.request({"yaw": "30"}, None, None, {}), opened.before.theta
    target = requests.target(wish, opened.model, own, {})
    shot = editing.shoot(opened, wish, target, editing.Manner(feedback=0))
    tilted = float(shot.edited.theta.rotation[0, 2] - own.rotation[0, 2])
    assert shot.turned == pytest.approx(-tilted) and abs(tilted) > 1e-4
    assert run(anna, "--yaw", "30", "--feedback", "0") == 0
    degrees = record(anna / "edits" / "yaw30")["edit"]["achieved"]["degrees"]
    assert degrees["roll"] == pytest.approx(
        np.degrees(float(own.rotation[0, 2])), abs=1e-3
    )


@pytest.mark.parametrize("roll, fades", [("+=5", False), ("+=20", True)])
def test_only_a_picture_that_is_turned_far_fades_at_its_edges(
    anna, monkeypatch, roll, fades
):
    asked, cut = [], editing.alignment.cut

    def spy(*args, fade):
        asked.append(fade)
        return cut(*args, fade=fade)

    monkeypatch.setattr(editing.alignment, "cut", spy)
    assert run(anna, "--roll", roll, "--background", "edited") == 0
    assert asked == [fades]


def test_an_edit_to_what_is_there_gives_the_projection(anna):
    assert run(anna, "--yaw", "+=0", "--background", "edited") == 0
    edited = images.read(anna / "edits" / "yaw+0" / "edited.png").astype(int)
    projection = images.read(anna / "projection.png")
    assert np.abs(edited - projection).max() <= 1


@pytest.fixture
def heads_in_the_middle(monkeypatch):
    """Every picture's head is a disc."""
    y, x = (np.mgrid[:16, :16] + 0.5) / 16
    disc = jnp.asarray(np.hypot(x - 0.5, y - 0.5) < 0.25, jnp.float32)
    monkeypatch.setattr(studio, "_shares", lambda *_: lambda *_: disc)


@pytest.mark.usefixtures("heads_in_the_middle")
def test_a_kept_background_is_the_photographs(anna):
    assert run(anna, "--yaw", "+=10", "--out", anna / "kept") == 0
    kept = images.read(anna / "kept" / "edited.png").astype(int)
    photo = images.read(anna / "aligned.png").astype(float)
    factor = len(photo) // len(kept)
    size = len(kept)
    small = photo.reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
    changed = np.abs(kept - small).max(axis=-1)
    for corner in (changed[:2, :2], changed[:2, -2:], changed[-2:, :2]):
        assert corner.max() <= 3
    assert changed[size // 2, size // 2] > 12


def test_a_sweep_gives_a_strip_and_a_gif(anna):
    words = ("--sweep", "yaw=-8:8:3", "--expression", "jawOpen=0.1")
    assert run(anna, *words) == 0
    (folder,) = (anna / "edits").iterdir()
    size = len(images.read(anna / "projection.png"))
    assert images.read(folder / "strip.png").shape == (size, 3 * size, 3)
    with Image.open(folder / "sweep.gif") as moving:
        assert moving.info["comment"].decode() == provenance.COMMENT
    edits = record(folder)["edits"]
    assert [round(x["requested"]["degrees"]["yaw"]) for x in edits] == [-8, 0, 8]
    assert not (folder / "edited.png").exists()


@pytest.mark.usefixtures("heads_in_the_middle")
def test_a_picture_goes_back_into_its_photograph(anna, embedded):
    words = ("--roll", "20", "--paste-back", embedded.photo, "--out", anna / "o")
    assert run(anna, *words) == 0
    pasted = images.read(anna / "o" / "pasted.png")
    photo = images.read(embedded.photo)
    assert pasted.shape == photo.shape and (pasted != photo).any()
    np.testing.assert_array_equal(pasted[0], photo[0])
    assert record(anna / "o")["edit"]["achieved"]["degrees"]["roll"] == pytest.approx(
        20, abs=1e-3
    )
    kind = images.read_text(anna / "o" / "pasted.png")["Source"]
    assert kind.endswith("compositeWithTrainedAlgorithmicMedia")


def test_another_photograph_is_not_pasted_on(anna, tmp_path, capsys):
    other = tmp_path / "other.png"
    Image.new("RGB", (50, 40)).save(other)
    assert run(anna, "--yaw", "3", "--paste-back", other) == 1
    assert "50 x 40" in capsys.readouterr().err


def test_the_same_command_is_run_again_and_another_one_is_not_lost(anna, capsys):
    out = anna / "edits" / "one"
    assert run(anna, "--yaw", "3", "--out", out) == 0
    first = builders.files(out)
    assert run(anna, "--yaw", "3", "--out", out) == 0
    assert builders.files(out) == first
    assert run(anna, "--yaw", "4", "--out", out) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert builders.files(out) == first
    assert run(anna, "--yaw", "4", "--out", out, "--overwrite") == 0
    assert record(out)["asked"] == {"yaw": 4.0}


def test_beyond_the_trained_range_there_is_a_warning(anna, caplog):
    assert run(anna, "--yaw", "35") == 0
    assert not caplog.messages
    assert run(anna, "--yaw", "60", "--pitch", "+=1") == 0
    assert "yaw -40 to 40 degrees" in caplog.text and "pitch" not in caplog.text
    assert run(anna, "--light", "intensity=9") == 0
    assert "illumination: 27 of 27 numbers" in caplog.text


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "nothing to change"),
        (("--yaw", "left"), "no number"),
        (("--expression", "grin=1"), "no expression 'grin'"),
        (("--sweep", "grin=0:1:2"), "no expression 'grin'"),
        (("--pose-from", "absent.jpg"), "absent.jpg: no such file"),
        (("--sweep", "yaw=0:9:2", "--paste-back", __file__), "leave one out"),
    ],
)
def test_what_cannot_be_done_is_told_and_leaves_nothing(anna, capsys, words, message):
    before = builders.files(anna)
    assert run(anna, *words) == 1
    assert message in capsys.readouterr().err
    assert builders.files(anna) == before
    assert not (anna / "edits").exists()


def test_a_folder_without_a_portrait_is_refused(tmp_path, installed, capsys):
    assert run(tmp_path, "--yaw", "3") == 1
    assert "no embedded portrait" in capsys.readouterr().err


def test_an_edited_face_becomes_a_mesh(anna, tmp_path, capsys):
    out, mesh = tmp_path / "turned", tmp_path / "turned.obj"
    assert run(anna, "--yaw", "+=4", "--background", "edited", "--out", out) == 0
    found = record(out)
    assert found["face_model"] == {"name": "morphable"}
    theta = found["edit"]["theta"]
    assert {k: len(x) for k, x in theta.items()} == SIZES
    degrees = np.rad2deg(theta["rotation"])
    np.testing.assert_allclose(
        degrees, list(found["edit"]["achieved"]["degrees"].values()), atol=1e-3
    )
    assert builders.pie("export", out / "edit.json", "--out", mesh, "--posed") == 0
    lines = mesh.read_text().splitlines()
    assert sum(line.startswith("v ") for line in lines) == len(
        builders.toy_arrays()["mean"]
    )
    sweep = ("--sweep", "yaw=-2:2:2", "--background", "edited", "--out", out)
    assert run(anna, *sweep, "--overwrite") == 0
    assert builders.pie("export", out / "edit.json", "--out", mesh) == 1
    assert "edit.json of one `pie edit`" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_a_code_of_another_project_is_edited(tmp_path, capsys):
    w_plus = np.random.default_rng(0).normal(size=(1, 512)).astype(np.float32)
    file = tmp_path / "projected.npz"
    np.savez(file, w=w_plus)
    assert run(file, "--yaw", "+=3", "--background", "edited") == 0
    out = tmp_path / "projected-edits" / "yaw+3"
    assert capsys.readouterr().out.strip() == str(out)
    found = record(out)
    assert found["portrait"] == "projected.npz"
    assert (out / "edited.png").is_file()
    np.savez(file, w=np.concatenate([w_plus, w_plus]))
    assert run(file, "--yaw", "3") == 1
    assert "holds 2 codes; an edit takes one" in capsys.readouterr().err


def test_without_rigs_for_its_generator_a_portrait_is_not_edited(
    embedded, tmp_path, no_weights, capsys
):
    folder = shutil.copytree(embedded.folder, tmp_path / "anna")
    assert run(folder, "--yaw", "3", "--config.rig=rignet") == 1
    shown = capsys.readouterr().err
    assert "no rotation rig for codes of testing" in shown
    assert "experiments.train_rignet rotation" in shown
    assert run(folder, "--yaw", "3", "--config.rig=") == 1
    assert "config.mofa or rig is empty" in capsys.readouterr().err


def test_components_are_edited_together_or_one_after_another(anna):
    words = ("--yaw", "+=5", "--light", "intensity=1.5", "--background", "edited")
    assert run(anna, *words, "--out", anna / "a") == 0
    assert run(anna, *words, "--together", "--out", anna / "b") == 0
    for folder in (anna / "a", anna / "b"):
        errors = record(folder)["edit"]["errors"]
        assert errors.keys() == {"rotation", "illumination"}


@pytest.mark.usefixtures("faces_everywhere")
def test_a_pose_comes_from_another_photograph(anna, tmp_path):
    photo = builders.square_photo(tmp_path / "bert.png", seed=4)
    assert run(anna, "--pose-from", photo, "--background", "edited") == 0
    found = record(anna / "edits" / "rotation-from-bert")
    assert found["asked"] == {"rotation from": "bert.png"}
    shown = np.asarray(Image.open(photo).convert("RGB"), float) / 127.5 - 1
    expected = np.degrees(0.1 * shown.mean(axis=(0, 1)))
    degrees = found["edit"]["requested"]["degrees"]
    np.testing.assert_allclose(
        [degrees[k] for k in ("pitch", "yaw", "roll")], expected, atol=0.2
    )


faces_everywhere = fit_test.faces_everywhere
