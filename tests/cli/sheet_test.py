import numpy as np
import pytest

from pie_jax.io import images, provenance
from pie_jax.stack import configuration
from pie_jax.stack.load import load
from pie_jax.stack.uses import Use
from pie_jax.workflows import requests, sheet
from pie_jax.workflows.shoot import Options
from tests import builders

SIZE = 24
FEWER = {
    "POSES": ({"yaw": "-6"}, {"yaw": "+=0"}),
    "EXPRESSIONS": (),
    "NODS": (),
    "LIGHTS": ("intensity=1.3", "intensity=1"),
}
CAPTION, FOOTER = 22, 26
"""Pixels below each picture and below all."""


def test_the_sheet_has_all_edits_and_says_that_they_are_synthetic(
    anna, monkeypatch, capsys
):
    # The portrait's own generator is asked for, which has no rigs of its own.
    assert builders.pie("sheet", anna, "--size", SIZE, "--feedback", 0) == 1
    assert "no rotation rig for codes of testing" in capsys.readouterr().err

    config = configuration.load("testing")
    for name, edits in FEWER.items():
        monkeypatch.setattr(sheet, name, edits)
    made = sheet.make(anna, config, Options(feedback=0), SIZE)
    out = anna / "sheet.png"
    sheet.write(out, made)
    sheet_u8 = images.read(out).astype(int)
    step = SIZE + CAPTION
    assert sheet_u8.shape == (3 * step + FOOTER, 2 * SIZE, 3)

    def cell(row, column):
        top, left = row * step, column * SIZE
        return sheet_u8[top : top + SIZE, left : left + SIZE]

    photo, embedded = cell(1, 0), cell(1, 1)
    assert np.abs(photo - embedded).max() > 5
    assert np.abs(cell(0, 0) - cell(0, 1)).max() > 0
    for row in range(3):
        caption = sheet_u8[row * step + SIZE : (row + 1) * step]
        assert caption.min() < 100 and caption.max() == 255
    assert images.read_text(out)["Description"] == provenance.COMMENT


def test_what_the_sheet_asks_for_can_be_read_and_is_known_to_the_face_model(no_weights):
    config = configuration.load("default")
    model = load(config, Use(parts=("face_model",))).params.face_model
    for angles in (*sheet.POSES, *sheet.NODS):
        assert requests.request(angles, None, None, {}).components() == ("rotation",)
    for light in sheet.LIGHTS:
        asked = requests.request({}, None, light, {})
        assert asked.components() == ("illumination",)
    for expression in sheet.EXPRESSIONS:
        asked = requests.request({}, expression, None, {})
        assert asked.components() == ("expression",)
        requests.check_names(model, asked.amounts)


@pytest.mark.parametrize(
    "words, message",
    [
        (("--size", "3"), "--size is 3; it must be at least 16"),
        (("--out", "absent/sheet.png"), "absent: there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_told(anna, capsys, words, message):
    assert builders.pie("sheet", anna, *words) == 1
    assert message in capsys.readouterr().err
    assert not (anna / "sheet.png").exists()
