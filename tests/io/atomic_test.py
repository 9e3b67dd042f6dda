import contextlib
import errno
import os
import threading
import time

import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.io import atomic


def test_a_file_appears_under_its_name_when_it_is_complete_in_a_folder_that_is(
    tmp_path,
):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with atomic.replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]
    place = tmp_path / "absent" / "file"
    with pytest.raises(FileNotFoundError), atomic.replacing(place):
        pass
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failure_keeps_the_old_file_and_leaves_nothing(
    tmp_path, monkeypatch, function
):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic.replacing(target) as file:
        file.write(b"new")
        raise ZeroDivisionError
    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space"), atomic.replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_killed_runs_left_is_cleared_and_nothing_else(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    atomic.partial(tmp_path).write_text("half")
    below = atomic.partial(tmp_path / "kept")
    below.write_text("another's")
    others = [tmp_path / ".partial-mine", tmp_path / f".partial-{'g' * 32}"]
    for other in others:
        other.mkdir()
    folder = atomic.partial(tmp_path)
    folder.mkdir()
    (folder / "file").write_text("half")
    with atomic.writing(tmp_path / "new") as file:
        file.write(b"whole")
    kept = {tmp_path / "kept", tmp_path / "kept" / "file", below, *others}
    assert set(tmp_path.rglob("*")) == kept | {tmp_path / "new"}


def test_what_threads_of_a_failed_write_go_on_with_is_gone(tmp_path):
    def write(place):
        for _ in range(60):
            place.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                (place / "late").write_text("half")
            time.sleep(0.005)

    with pytest.raises(ZeroDivisionError), atomic.folder(tmp_path) as place:
        thread = threading.Thread(target=write, args=[place / "below"])
        thread.start()
        raise ZeroDivisionError
    thread.join()
    assert list(tmp_path.iterdir()) == []


def test_what_another_is_writing_is_not_cleared(tmp_path):
    with atomic.replacing(tmp_path / "file") as file, atomic.folder(tmp_path) as place:
        (place / "inside").write_text("half")
        file.write(b"new")
        atomic.clear(tmp_path)
        assert (place / "inside").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.write(bytes(5000)),
        lambda file: np.save(file, np.zeros(5000)),
        lambda file: Image.new("L", (99, 99)).save(file, format="BMP"),
        lambda file: Image.effect_noise((99, 99), 50).save(file, format="GIF"),
    ],
)
def test_whatever_writes_it_the_reason_of_a_failure_is_told(
    tmp_path, small_files, write
):
    reason = rf"{tmp_path}/file: cannot be written \(File too large\)"
    with (
        pytest.raises(PieError, match=reason),
        small_files(1000),
        atomic.writing(tmp_path / "file") as file,
    ):
        write(file)
    assert not list(tmp_path.iterdir())
