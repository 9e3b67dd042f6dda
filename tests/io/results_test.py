import errno
import json
import os

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, codes, images, own_rigs, results
from tests import builders

ALIGNED = np.full((8, 8, 3), 7, np.uint8)
PROJECTION = np.full((4, 4, 3), 9, np.uint8)
CODE = {"w": np.arange(512, dtype=np.float32)}


def write(folder, **metrics) -> None:
    origin = {"generator": "g"}
    results.write(folder, ALIGNED, PROJECTION, CODE, origin, metrics, b"diagram")


def test_what_is_written_is_read_back_and_a_place_must_be_a_folder(tmp_path):
    write(tmp_path, psnr=20.5, key="k")
    names = ["aligned.png", "code", "convergence.png", "metrics.json", "projection.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    np.testing.assert_array_equal(images.read(tmp_path / "aligned.png"), ALIGNED)
    np.testing.assert_array_equal(images.read(tmp_path / "projection.png"), PROJECTION)
    assert (tmp_path / "convergence.png").read_bytes() == b"diagram"
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics == {"psnr": 20.5, "key": "k"}
    code, origin = codes.load(tmp_path)
    np.testing.assert_array_equal(code["w"], CODE["w"])
    assert origin == {"generator": "g"}
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "anna"):
        with pytest.raises(PieError, match="cannot be read"):
            results.state(place, "k")
        with pytest.raises(PieError, match="cannot write to"):
            results.make_folder(place)


def test_the_state_of_a_folder_follows_its_key_and_it_is_removed_only_empty(tmp_path):
    folder = tmp_path / "anna"
    assert results.state(folder, "k") == "absent"
    results.make_folder(folder)
    assert results.state(folder, "k") == "absent"
    write(folder, key="k")
    assert results.state(folder, "k") == "done"
    assert results.state(folder, "l") == "other"
    for content in ("", "{", "[]", "{}", "3"):  # not ours
        (folder / "metrics.json").write_text(content)
        assert results.state(folder, "k") == "other"
    with results.folder(tmp_path / "x" / "y"):
        pass
    assert not (tmp_path / "x").exists()
    results.make_folder(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())
    results.remove_if_empty(tmp_path / "a")
    assert (tmp_path / "a" / "b").exists()
    results.remove_if_empty(tmp_path / "a" / "b")
    results.remove_if_empty(tmp_path / "a" / "b")
    assert not (tmp_path / "a" / "b").exists()


def test_writing_again_replaces_all(tmp_path):
    write(tmp_path, key="k")
    clean = builders.files(tmp_path)
    (tmp_path / "aligned.png").write_bytes(b"old")
    (tmp_path / "code" / "old").write_bytes(b"old")
    own_rigs.write(tmp_path, {"towards": np.ones((1, 3))}, "of an older code")
    write(tmp_path, key="k")
    # The code's folder holds times and names drawn at random.
    names = {name for name in clean if not name.startswith("code/")}
    again = builders.files(tmp_path)
    assert {n: again[n] for n in names} == {n: clean[n] for n in names}
    assert all(name.startswith("code/") for name in set(again) - names)
    assert not (tmp_path / "code" / "old").exists()


@pytest.mark.parametrize("failing", range(10))
def test_a_full_disk_leaves_no_complete_result(tmp_path, monkeypatch, failing):
    write(tmp_path, key="old")
    replace, calls = os.replace, []

    def full(*names):
        calls.append(names)
        if len(calls) > failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(*names)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(PieError, match="No space left"):
        write(tmp_path, key="new")
    # What was there stays until all that is new is written.
    assert results.state(tmp_path, "old") == ("done" if failing < 5 else "absent")
    assert results.is_tidy(tmp_path)


@pytest.mark.parametrize(
    "size, name", [(100, "convergence.png"), (600, "metrics.json"), (800, "code")]
)
def test_a_full_disk_is_told_with_the_name_of_what_did_not_fit(
    tmp_path, small_files, size, name
):
    with pytest.raises(PieError) as raised, small_files(size):
        results.write(
            tmp_path, ALIGNED, PROJECTION, CODE, {}, {"k": 700 * "x"}, 500 * b"x"
        )
    assert f"{tmp_path / name}: cannot be written (" in str(raised.value)
    assert "File too large" in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_a_claimed_folder_is_cleared_of_what_killed_runs_left(tmp_path):
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / results.LOCK).touch()
    atomic.partial(folder).write_bytes(b"half")
    assert not results.is_tidy(folder)
    with (
        results.claimed(folder) as ours,
        results.claimed(folder, wait=False) as also_ours,
    ):
        assert (ours, also_ours) == (True, False)
        assert [path.name for path in folder.iterdir()] == [results.LOCK]
    assert not folder.exists() or not list(folder.iterdir())
