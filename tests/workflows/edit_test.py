import dataclasses
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pie_jax.cli import edit as cli_edit
from pie_jax.core.errors import PieError
from pie_jax.editing import refine
from pie_jax.io import codes, images, provenance, results
from pie_jax.workflows import edit, requests
from pie_jax.workflows.shoot import Options
from tests import builders, toys

EDITED = Options(keep_background=False)


def run(source, *, sweep=None, options=EDITED, photos=None, light=None, **how):
    """Edits a portrait; what is not an option of the edit is an angle's name."""
    angles = {name: how.pop(name, None) for name in requests.ANGLES}
    request = requests.request(angles, how.pop("expression", None), light, photos or {})
    swept = requests.sweep(sweep) if sweep else None
    return edit.edit_portrait(source, request, swept, options, config="testing", **how)


def record(folder):
    return json.loads((folder / "edit.json").read_text())


def test_an_edit_to_what_is_there_is_the_projection_and_a_sweep_gives_a_strip(anna):
    folder = run(anna, yaw="+=0")
    edited = images.read(folder / "edited.png").astype(int)
    assert np.abs(edited - images.read(anna / "projection.png")).max() <= 1

    folder = run(anna, sweep="yaw=-8:8:3", expression="jawOpen=0.1")
    size = len(images.read(anna / "projection.png"))
    assert images.read(folder / "strip.png").shape == (size, 3 * size, 3)
    with Image.open(folder / "sweep.gif") as moving:
        assert moving.info["comment"].decode() == provenance.COMMENT
    edits = record(folder)["edits"]
    assert [round(x["requested"]["degrees"]["yaw"]) for x in edits] == [-8, 0, 8]
    assert not (folder / "edited.png").exists()


def test_a_picture_goes_back_into_its_photograph_and_no_other(anna, embedded, tmp_path):
    folder = run(anna, roll="20", options=Options(paste_back=embedded.photo))
    pasted, photo = (images.read(x) for x in (folder / "pasted.png", embedded.photo))
    assert pasted.shape == photo.shape and (pasted != photo).any()
    degrees = record(folder)["edit"]["achieved"]["degrees"]
    assert degrees["roll"] == pytest.approx(20, abs=1e-3)
    kind = images.read_text(folder / "pasted.png")["Source"]
    assert kind.endswith("compositeWithTrainedAlgorithmicMedia")
    other = tmp_path / "other.png"
    Image.new("RGB", (50, 40)).save(other)
    with pytest.raises(PieError, match=r"other\.png: .*50 x 40"):
        run(anna, yaw="3", options=Options(paste_back=other))
    Image.fromarray(photo[::-1].copy()).save(other)
    with pytest.raises(PieError, match=r"other\.png: .*something else"):
        run(anna, yaw="3", options=Options(paste_back=other))


def test_a_transparent_photograph_stays_so(anna, embedded, tmp_path):
    photo = tmp_path / "transparent.png"
    opaque = images.read(embedded.photo)
    alpha = np.full(opaque.shape[:2], 255, np.uint8)
    alpha[:3] = 0
    Image.fromarray(np.dstack([opaque, alpha])).save(photo)
    folder = run(anna, roll="9", options=Options(paste_back=photo))
    pasted = images.read_rgba(folder / "pasted.png")
    np.testing.assert_array_equal(pasted[..., 3], alpha)
    assert (pasted[3:, :, :3] != opaque[3:]).any()


def test_an_equal_edit_that_was_waited_for_is_not_made_again(anna, tmp_path, capsys):
    first, out = run(anna, roll="3", out=tmp_path / "first"), tmp_path / "out"
    with ThreadPoolExecutor(1) as beside:
        with results.claimed(out):
            second = beside.submit(run, anna, roll="3", out=out)
            shown = ""
            while "waiting for another run" not in shown and not second.done():
                shown += capsys.readouterr().err
                time.sleep(0.01)
            for file in first.iterdir():
                shutil.copy(file, out)
            (out / "edited.png").write_bytes(b"another's")
        assert second.result() == out
    assert (out / "edited.png").read_bytes() == b"another's"


@pytest.mark.parametrize("damage", ["aligned.png", "code", "alignment"])
def test_a_damaged_portrait_says_how_it_comes_back(anna, damage):
    if damage == "aligned.png":
        whole = (anna / damage).read_bytes()
        (anna / damage).write_bytes(whole[: len(whole) // 2])
    elif damage == "code":
        shutil.rmtree(anna / damage)
    else:
        code, origin = codes.load(anna)
        codes.save(anna / "code", code, origin | {"alignment": None})
    with pytest.raises(PieError, match=r"anna\b.*pie embed --overwrite"):
        run(anna, yaw="3")


def test_the_same_edit_is_made_again_and_another_one_is_not_lost(anna, tmp_path):
    out = tmp_path / "one"
    run(anna, roll="3", out=out)
    first = builders.files(out)
    run(anna, roll="3", out=out)
    assert builders.files(out) == first
    with pytest.raises(PieError, match="--overwrite"):
        run(anna, roll="4", out=out)
    assert builders.files(out) == first
    run(anna, roll="4", out=out, overwrite=True)
    assert record(out)["asked"] == {"roll": 4.0}


@pytest.mark.parametrize(
    "asked, said, unsaid",
    [
        ({"yaw": "50"}, "", "yaw"),
        ({"yaw": "60", "pitch": "+=1"}, "yaw -55 to 50 degrees", "pitch"),
        ({"light": "intensity=9"}, "illumination: 3 of 27 numbers", "yaw"),
    ],
)
def test_beyond_the_trained_range_there_is_a_warning(anna, caplog, asked, said, unsaid):
    run(anna, options=Options(feedback=0, keep_background=False), **asked)
    assert said in caplog.text and unsaid not in caplog.text


def test_a_code_of_another_project_is_edited_and_a_pose_comes_from_a_photograph(
    installed, tmp_path, anna
):
    w_plus = np.random.default_rng(0).normal(size=(1, 512)).astype(np.float32)
    file = tmp_path / "projected.npz"
    np.savez(file, w=w_plus)
    folder = run(file, yaw="+=3")
    assert folder == tmp_path / "projected-edits" / "yaw+3"
    assert record(folder)["portrait"] == "projected.npz"
    assert (folder / "edited.png").is_file()
    np.savez(file, w=np.concatenate([w_plus, w_plus]))
    with pytest.raises(PieError, match="holds 2 codes; an edit takes one"):
        run(file, yaw="3")

    folder = run(anna, photos={"rotation": toys.PHOTO})
    found = record(folder)
    assert folder.name == f"rotation-from-{toys.PHOTO.stem}"
    assert found["asked"] == {"rotation from": toys.PHOTO.name}
    wanted, own = found["edit"]["requested"]["degrees"], found["own"]["degrees"]
    assert max(abs(wanted[k] - own[k]) for k in own) > 0.1


@pytest.mark.parametrize(
    "overrides, messages",
    [
        (
            ("--config.rig=rignet",),
            "no rotation rig for codes of testing.*experiments.train_rignet rotation",
        ),
        (("--config.rig=",), "config.rig is empty"),
        (("--config.mofa=",), "config.mofa is empty"),
    ],
)
def test_without_what_edits_its_codes_a_portrait_is_not_edited(
    anna, overrides, messages
):
    with pytest.raises(PieError, match=messages):
        run(anna, yaw="3", overrides=overrides)
    assert not (anna / "edits").exists()


def test_a_folder_that_is_no_portrait_any_more_is_refused(anna, tmp_path):
    with pytest.raises(PieError, match="no embedded portrait"):
        run(tmp_path, yaw="3")
    Image.new("RGB", (64, 64)).save(anna / "aligned.png")
    with pytest.raises(PieError, match="is not 1024 pixels on a side any more"):
        run(anna, yaw="3")


def test_the_steps_that_help_names_are_those_of_a_refinement():
    assert cli_edit._STEPS == refine.STEPS


def test_a_refined_edit_begins_at_the_rig_s_answer_and_is_another_one(anna):
    quick = run(anna, yaw="12", out=anna / "quick")
    options = dataclasses.replace(EDITED, refine=6)
    refined = run(anna, yaw="12", options=options, out=anna / "refined")
    assert record(quick)["how"]["refine"] == 0
    assert record(refined)["how"]["refine"] == 6
    pictures = [images.read(x / "edited.png").astype(int) for x in (quick, refined)]
    away = np.abs(pictures[0] - pictures[1])
    assert 0 < away.mean() < 30
