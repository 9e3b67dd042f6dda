"""`pie sheet`: many edits of one portrait in one picture."""

import numpy as np
import pytest

from pie_jax.cli import contact_sheet
from pie_jax.io import images, provenance
from tests import builders
from tests.cli import edit_test

anna, installed = edit_test.anna, edit_test.installed
SIZE = 24


@pytest.fixture
def fewer(monkeypatch):
    """Rows of two, with expressions that the toy model knows."""
    monkeypatch.setattr(contact_sheet, "POSES", ({"yaw": "-6"}, {"yaw": "+=0"}))
    monkeypatch.setattr(contact_sheet, "EXPRESSIONS", ())
    monkeypatch.setattr(contact_sheet, "NODS", ())
    monkeypatch.setattr(contact_sheet, "LIGHTS", ("intensity=1.3", "intensity=1"))


@pytest.mark.usefixtures("fewer")
def test_the_sheet_has_all_edits_and_says_that_they_are_synthetic(anna, capsys):
    assert builders.pie("sheet", anna, "--size", SIZE, "--feedback", 0) == 0
    out = anna / "sheet.png"
    assert capsys.readouterr().out.strip() == str(out)
    sheet_u8 = images.read(out).astype(int)
    step = SIZE + contact_sheet._CAPTION
    assert sheet_u8.shape == (3 * step + contact_sheet._FOOTER, 2 * SIZE, 3)

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


@pytest.mark.parametrize("edits", ["EXPRESSIONS", "LIGHTS", "NODS", "POSES"])
def test_what_the_sheet_asks_for_can_be_read(edits):
    for asked in getattr(contact_sheet, edits):
        wish = contact_sheet._request(asked)
        expected = {"EXPRESSIONS": "expression", "LIGHTS": "illumination"}
        assert wish.components() == (expected.get(edits, "rotation"),)


def test_the_installed_face_model_knows_the_sheets_expressions():
    from pie_jax.cli import requests, shipped

    model = shipped.face_model()
    for asked in contact_sheet.EXPRESSIONS:
        requests.check_names(model, contact_sheet._request(asked).amounts)


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


@pytest.mark.parametrize("option", ["--feedback", "--size"])
def test_what_is_no_number_is_refused(anna, capsys, option):
    with pytest.raises(SystemExit):
        builders.pie("sheet", anna, f"{option}=-1")
    assert f"{option}: a number was expected, 0 or more" in capsys.readouterr().err
