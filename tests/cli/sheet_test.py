"""`pie sheet`: many edits of one portrait in one picture."""

import numpy as np
import pytest

from pie_jax.io import images, provenance
from pie_jax.stack import configuration
from pie_jax.stack.assembly import Use
from pie_jax.stack.load import load
from pie_jax.workflows import requests, sheet
from pie_jax.workflows.shoot import Options
from tests import builders

SIZE = 24
CAPTION, FOOTER = 22, 26
"""Pixels below each picture and below all."""


def test_the_sheet_has_all_edits_and_says_that_they_are_synthetic(anna, capsys):
    # The portrait's own generator is asked for, which has no rigs of its own.
    assert builders.pie("sheet", anna, "--size", SIZE, "--feedback", 0) == 1
    assert "no rotation rig for codes of testing" in capsys.readouterr().err

    config = configuration.load("testing")
    made = sheet.make(anna, config, Options(feedback=0), SIZE)
    out = anna / "sheet.png"
    sheet.write(out, made)
    sheet_u8 = images.read(out).astype(int)
    step = SIZE + CAPTION
    assert sheet_u8.shape == (3 * step + FOOTER, 7 * SIZE, 3)

    def cell(row, column):
        top, left = row * step, column * SIZE
        return sheet_u8[top : top + SIZE, left : left + SIZE]

    photo, embedded = cell(1, 0), cell(1, 1)
    assert np.abs(photo - embedded).max() > 5
    assert np.abs(cell(0, 0) - cell(0, 6)).max() > 0
    for row in range(3):
        caption = sheet_u8[row * step + SIZE : (row + 1) * step]
        assert caption.min() < 100 and caption.max() == 255
    assert images.read_text(out)["Description"] == provenance.COMMENT


def test_the_installed_face_model_knows_the_sheets_expressions(no_weights):
    config = configuration.load("default")
    model = load(config, Use(parts=("face_model",))).params.face_model
    for asked in sheet.EXPRESSIONS:
        request = requests.request({}, asked, None, {})
        assert request.components() == ("expression",)
        requests.check_names(model, request.amounts)


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
