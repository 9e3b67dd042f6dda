import argparse
import json
import shutil

import numpy as np
import pytest
from matplotlib import cbook
from pie_jax.converters import stack
from PIL import Image

from pie_jax.cli import align
from pie_jax.core.errors import PieError
from pie_jax.io import alignment, images

HOPPER = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)


def pie(*words) -> int:
    """Runs `pie WORDS`, errors as they are raised."""
    parser = argparse.ArgumentParser(prog="pie")
    align.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args([str(word) for word in words])
    return args.run(args)


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """Replaces fetching by a list of what was asked for."""
    names = []
    monkeypatch.setattr(stack, "ensure", lambda *wanted, **_: names.extend(wanted))
    return names


@pytest.mark.real
def test_a_photograph_is_aligned_with_the_way_back_in_its_metadata(tmp_path, capsys):
    out = tmp_path / "face.png"
    assert pie("align", HOPPER, "--out", out) == 0
    assert str(out) in capsys.readouterr().out
    with Image.open(out) as image:
        assert image.size == (1024, 1024)
        record = json.loads(image.text["pie_alignment"])
    placed = alignment.Alignment.from_dict(record)
    again, expected = alignment.align(images.read(HOPPER), placed.landmarks)
    np.testing.assert_array_equal(images.read(out), again)
    np.testing.assert_array_equal(placed.quad, expected.quad)
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.real
def test_a_face_is_chosen_by_its_number(tmp_path, capsys):
    head = Image.fromarray(images.read(HOPPER)).crop((110, 40, 430, 360))
    both = Image.new("RGB", (720, 340))
    both.paste(head.resize((256, 256)), (0, 0))
    both.paste(head, (380, 0))
    both.save(tmp_path / "two.png")
    pie("align", tmp_path / "two.png", "--face", 2, "--out", tmp_path / "face.png")
    with Image.open(tmp_path / "face.png") as image:
        placed = json.loads(image.text["pie_alignment"])
    assert np.max(placed["landmarks"], axis=0)[0] < 260


def test_what_the_names_tell_is_told_before_anything_is_fetched(tmp_path, fetched):
    photo = shutil.copy(HOPPER, tmp_path / "photo.png")  # a JPEG by another name
    cases = [
        (tmp_path / "absent.jpg", tmp_path / "face.png", "no such file"),
        (tmp_path, tmp_path / "face.png", "found a folder"),
        (photo, tmp_path / "nowhere" / "face.png", "there is no folder"),
        (photo, tmp_path / "face.jpg", r"end the name in \.png"),
        (photo, photo, "would replace the photograph"),
    ]
    for source, out, reason in cases:
        with pytest.raises(PieError, match=reason):
            pie("align", source, "--out", out)
    assert fetched == []
    assert list(tmp_path.iterdir()) == [photo]


def make_bad_files(folder) -> dict[str, str]:
    """Files that are no portraits, and the reason that each is refused for."""
    photo = images.read(HOPPER)
    Image.fromarray(photo).save(folder / "cut.jpg")
    data = (folder / "cut.jpg").read_bytes()
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


def test_a_bad_photograph_is_named_and_nothing_is_written(tmp_path, fetched):
    bad = make_bad_files(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    for name, reason in bad.items():
        with pytest.raises(PieError, match=reason) as caught:
            pie("align", tmp_path / name, "--out", out / "face.png")
        assert name in str(caught.value)
    assert not list(out.iterdir())
    assert set(fetched) == {"landmarks68"}


def test_the_help_shows_examples(capsys):
    with pytest.raises(SystemExit, match="0"):
        pie("align", "--help")
    shown = capsys.readouterr().out
    assert "pie align holiday.jpg --out face.png" in shown
    assert "--face N" in shown
