import io

import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.ui import uploads


def photograph(seed=0, kind="PNG"):
    pixels = np.random.default_rng(seed).integers(255, size=(20, 20, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("anna.png", "anna.png"),
        ("../../etc/Anna Ä.PNG", "Anna_Ä.png"),
        ("..\\..\\x.png", "x.png"),
        ("...png", "portrait.png"),
        (".png", None),
        ("a" * 300 + ".png", "a" * 60 + ".png"),
        ("-rf.png", "-rf.png"),
    ],
)
def test_names_stay_in_the_folder(tmp_path, name, kept):
    if kept is None:
        with pytest.raises(PieError, match="is no picture"):
            uploads.keep(tmp_path, name, photograph())
        return
    path = uploads.keep(tmp_path, name, photograph())
    assert path == tmp_path / kept
    assert path.read_bytes() == photograph()
    assert [*tmp_path.iterdir()] == [path]


def test_another_photograph_of_a_name_gets_another_and_the_same_one_its_own(tmp_path):
    place = tmp_path / uploads.FOLDER
    first = uploads.keep(place, "anna.png", photograph(0))
    assert uploads.keep(place, "anna.png", photograph(0)) == first
    second = uploads.keep(place, "anna.png", photograph(1))
    assert second.name == "anna-2.png"
    assert uploads.keep(place, "anna.jpg", photograph(3, "JPEG")).stem == "anna-3"
    other = uploads.copied(first, "anna-face2")
    assert other.read_bytes() == first.read_bytes()
    assert uploads.copied(other, other.stem) == other
    names = [x.name for x in uploads.waiting(tmp_path, ["anna"])]
    assert names == ["anna-2.png", "anna-3.jpg", "anna-face2.png"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.png", b"", "empty"),
        ("a.png", b"no picture at all", "a.png"),
        ("a.svg", b"<svg/>", "is no picture"),
        ("a.png", bytes(uploads.MAX_BYTES + 1), "64 are taken at most"),
        ("a.png", photograph()[:300], "a.png"),
    ],
)
def test_what_is_no_photograph_is_refused_and_not_kept(tmp_path, name, content, says):
    with pytest.raises(PieError, match=says):
        uploads.keep(tmp_path, name, content)
    assert not [*tmp_path.iterdir()]


def test_a_full_disk_is_told(tmp_path, small_files):
    with (
        small_files(10),
        pytest.raises(PieError, match="cannot be kept in .*large|full"),
    ):
        uploads.keep(tmp_path, "anna.png", photograph())
