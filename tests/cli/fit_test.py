"""`pie fit`; what becomes of a face is in `tests/workflows/fit_test.py`."""

import pytest

from tests import builders
from tests.builders import pie


def test_what_the_names_tell_is_told_before_anything_is_fetched(
    tmp_path, no_weights, capsys
):
    photo = builders.square_photo(tmp_path / "anna.png")
    cases = [
        (tmp_path / "absent.jpg", tmp_path / "out", "no such file"),
        (tmp_path, tmp_path / "out", "found a folder"),
        (photo, photo, "cannot write to"),
    ]
    for source, out, reason in cases:
        assert pie("fit", source, "--out", out) == 1
        assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [photo]
    assert not (no_weights / "carriers").exists()


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
@pytest.mark.parametrize(
    "words",
    [("fit", "a.jpg", "--out", "out", "--refine"), ("sheet", "anna", "--size")],
)
def test_a_number_that_is_none_is_wrong_usage(words, number, capsys):
    with pytest.raises(SystemExit, match="2"):
        pie(*words[:-1], f"{words[-1]}={number}")
    assert f"{words[-1]}: a number was expected" in capsys.readouterr().err
