import json

import numpy as np
import pytest

from pie_jax.core.theta import SIZES
from pie_jax.io import images, provenance
from tests import builders


def run(folder, *words) -> int:
    return builders.pie("edit", folder, *words, "--config", "testing")


def test_an_edit_leaves_a_picture_a_record_and_a_face_for_a_mesh(anna, capsys):
    assert run(anna, "--yaw", "+=8", "--pitch", "-3", "--background", "edited") == 0
    folder = anna / "edits" / "yaw+8_pitch-3"
    assert capsys.readouterr().out.strip() == str(folder)
    assert {path.name for path in folder.iterdir()} == {"edited.png", "edit.json"}
    text = images.read_text(folder / "edited.png")
    assert text["Description"] == provenance.COMMENT
    found = json.loads((folder / "edit.json").read_text())
    assert found["portrait"] == "anna"
    assert found["asked"] == {"yaw": "+=8", "pitch": -3.0}
    assert found["how"]["feedback"] == 1
    assert found["face_model"] == {"name": "morphable"}
    own, edit = found["own"]["degrees"], found["edit"]
    requested = edit["requested"]["degrees"]
    assert requested["yaw"] == pytest.approx(own["yaw"] + 8, abs=1e-3)
    assert requested["pitch"] == pytest.approx(-3, abs=1e-3)
    assert edit["errors"].keys() == {"rotation"}
    assert edit["recognition_distance"] is None
    assert "rotation" not in edit["leaks"] and edit["leaks"].keys() >= {"landmarks"}
    assert {k: len(x) for k, x in edit["theta"].items()} == SIZES
    degrees = np.rad2deg(edit["theta"]["rotation"])
    achieved = list(edit["achieved"]["degrees"].values())
    np.testing.assert_allclose(degrees, achieved, atol=1e-3)

    mesh = anna / "turned.obj"
    assert builders.pie("export", folder / "edit.json", "--out", mesh, "--posed") == 0
    lines = mesh.read_text().splitlines()
    count = len(builders.toy_arrays()["mean"])
    assert sum(line.startswith("v ") for line in lines) == count
    swept = {"edits": [edit], "face_model": found["face_model"]}
    (folder / "edit.json").write_text(json.dumps(swept))
    assert builders.pie("export", folder / "edit.json", "--out", mesh) == 1
    assert "edit.json of one `pie edit`" in capsys.readouterr().err


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
