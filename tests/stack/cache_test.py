import errno
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.stack import cache

FLAT = {"conv1/kernel": np.arange(24.0).reshape(2, 3, 4), "w_avg": np.zeros(5, "f2")}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PIE_JAX_CACHE", str(folder))
    return folder


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.name != ".lock")


def test_the_environment_chooses_the_cache_folder(folder):
    assert cache.cache_dir() == folder
    assert cache.path("vgg16") == folder / "vgg16.safetensors"
    assert cache.path("landmarks68") == folder / "landmarks68.dat"


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")
def test_the_cache_lies_in_the_users_cache_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("PIE_JAX_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_dir() == tmp_path / "xdg" / "pie_jax"


def test_what_is_saved_is_loaded_and_what_is_absent_or_changed_is_told_apart(folder):
    with pytest.raises(PieError, match="pie weights"):
        cache.load("net")
    cache.save("net", FLAT, {"licence": "none"})
    nested = cache.load("net")
    np.testing.assert_array_equal(nested["conv1"]["kernel"], FLAT["conv1/kernel"])
    assert nested["w_avg"].dtype == np.float16
    assert cache.metadata("net")["licence"] == "none"
    assert cache.is_intact("net")
    assert files(folder) == ["net.safetensors"]

    whole = cache.path("net").read_bytes()
    cache.path("net").write_bytes(whole[:-1] + b"\x01")
    assert cache.metadata("net") and not cache.is_intact("net")
    cache.path("net").write_bytes(whole[:-3])
    assert cache.metadata("net") is None and not cache.is_intact("net")
    with pytest.raises(PieError, match="damaged.*--verify"):
        cache.load("net")
    cache.path("net").unlink()
    cache.path("net").mkdir()
    with pytest.raises(PieError, match="cannot be read"):
        cache.load("net")


def test_a_full_disk_tells_the_room_needed_and_an_unwritable_folder_the_variable(
    folder, tmp_path, monkeypatch
):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(PieError, match=r"disk is full.*2\.0 MB.*GB.*PIE_JAX_CACHE"),
        cache.explained(folder / "net", 2_000_000),
    ):
        raise full

    # A folder below a regular file: it cannot be made, even by root.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(PieError, match="Cannot write.*PIE_JAX_CACHE"):
        cache.save("net", FLAT)


KILLED_BETWEEN_WRITING_AND_RENAMING = """
import os, signal
import numpy as np
from pie_jax.stack import cache
os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
with cache.exclusive(), cache.temporary_folder() as folder:
    (folder / "download").write_text("half")
    cache.save("net", {"a": np.zeros(3)})
"""


def test_a_killed_run_leaves_no_file_and_the_next_run_clears_its_remains(folder):
    run = subprocess.run(
        [sys.executable, "-c", KILLED_BETWEEN_WRITING_AND_RENAMING], check=False
    )
    assert run.returncode == -signal.SIGKILL
    remains = files(folder)
    assert len(remains) == 3  # a file, a folder and the file in it
    assert all(name.startswith(".partial-") or name == "download" for name in remains)
    assert cache.metadata("net") is None
    cache.save("net", FLAT)
    assert files(folder) == ["net.safetensors"]


def test_writers_take_turns(capsys):
    inside, order = threading.Event(), []

    def second():
        inside.wait()
        with cache.exclusive():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with cache.exclusive(), cache.exclusive():
        inside.set()
        thread.join(timeout=0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().err
