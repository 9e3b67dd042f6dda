import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pie_jax.io import images
from pie_jax.photos import alignment
from tests import toys
from tests.builders import pie


def test_a_photograph_is_aligned_with_the_way_back_in_its_metadata(
    installed, tmp_path, capsys
):
    out = tmp_path / "face.png"
    assert pie("align", toys.PHOTO, "--face", 1, "--out", out) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with Image.open(out) as image:
        assert image.size == (1024, 1024)
        record = json.loads(image.text["pie_alignment"])
    placed = alignment.Alignment.from_dict(record)
    again, expected = alignment.align(images.read(toys.PHOTO), placed.landmarks)
    np.testing.assert_array_equal(images.read(out), again)
    np.testing.assert_array_equal(placed.quad, expected.quad)
    np.testing.assert_array_equal(placed.landmarks, toys.photo_landmarks())
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    "source, out, reason",
    [
        ("absent.jpg", "face.png", "no such file"),
        (".", "face.png", "found a folder"),
        ("photo.png", "nowhere/face.png", "there is no folder"),
        ("photo.png", "face.jpg", "end the name in .png"),
        ("photo.png", "photo.png", "would replace the photograph"),
    ],
)
def test_what_the_names_tell_is_told_before_anything_is_fetched(
    tmp_path, no_weights, capsys, source, out, reason
):
    photo = tmp_path / "photo.png"
    shutil.copy(toys.PHOTO, photo)  # a JPEG by another name
    assert pie("align", tmp_path / source, "--out", tmp_path / out) == 1
    assert reason in capsys.readouterr().err
    assert not (no_weights / "carriers").exists()
    assert list(tmp_path.iterdir()) == [photo]


def make_bad_files(folder) -> dict[str, str]:
    """Files that are no portraits, and the reason that each is refused for."""
    data = toys.PHOTO.read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.jpg").write_text("a letter\n" * 99)
    Image.new("RGB", (64, 64)).save(folder / "wall.png")
    Image.new("1", (12_000, 12_000)).save(folder / "bomb.png")
    return {
        "cut.jpg": "truncated or damaged",
        "text.jpg": "expected a photograph",
        "wall.png": "no face found",
        "bomb.png": "too large",
    }


def test_a_bad_photograph_is_named_and_nothing_is_written(installed, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    for name, reason in make_bad_files(tmp_path).items():
        assert pie("align", tmp_path / name, "--out", out / "face.png") == 1
        shown = capsys.readouterr().err
        assert name in shown and reason in shown
    assert not list(out.iterdir())
