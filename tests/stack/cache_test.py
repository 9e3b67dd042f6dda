import errno
import os
import signal
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import weights


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PIE_JAX_CACHE", str(folder))
    return folder


def arrays():
    return {
        "conv1/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "conv1/bias": np.ones(4, np.float32),
        "w_avg": np.zeros(5, np.float16),
    }


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.name != ".lock")


def test_the_environment_chooses_the_cache_folder(cache):
    assert weights.cache_dir() == cache
    assert weights.path("vgg16") == cache / "vgg16.safetensors"
    assert weights.path("landmarks68") == cache / "landmarks68.dat"


def test_the_cache_lies_in_the_users_cache_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("PIE_JAX_CACHE", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_dir() == tmp_path / "xdg" / "pie_jax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_dir() == tmp_path / ".cache" / "pie_jax"


def test_what_is_saved_is_loaded_as_nested_dicts():
    flat = arrays()
    weights.save("net", flat, {"licence": "none"})
    nested = weights.load("net")
    assert nested.keys() == {"conv1", "w_avg"}
    np.testing.assert_array_equal(nested["conv1"]["kernel"], flat["conv1/kernel"])
    np.testing.assert_array_equal(nested["conv1"]["bias"], flat["conv1/bias"])
    assert nested["w_avg"].dtype == np.float16
    assert weights.metadata("net")["licence"] == "none"


def test_a_transposed_view_and_a_scalar_keep_their_values_and_shapes():
    view = np.arange(6, dtype=np.float32).reshape(2, 3).T
    weights.save("net", {"view": view, "scalar": np.float32(7)})
    loaded = weights.load("net")
    np.testing.assert_array_equal(loaded["view"], view)
    assert loaded["scalar"].shape == () and loaded["scalar"] == 7


def test_absent_weights_are_an_error_that_names_the_command():
    with pytest.raises(PieError, match="pie weights"):
        weights.load("net")
    assert weights.metadata("net") is None
    assert not weights.is_intact("net")


def test_truncated_weights_are_an_error_that_names_the_remedy():
    weights.save("net", arrays())
    file = weights.path("net")
    file.write_bytes(file.read_bytes()[:-3])
    assert weights.metadata("net") is None
    with pytest.raises(PieError, match="damaged.*--verify"):
        weights.load("net")


def test_one_flipped_byte_is_noticed():
    weights.save("net", arrays())
    assert weights.is_intact("net")
    content = bytearray(weights.path("net").read_bytes())
    content[-1] ^= 1
    weights.path("net").write_bytes(content)
    assert not weights.is_intact("net")


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(
    cache, monkeypatch
):
    weights.save("net", arrays())
    before = weights.path("net").read_bytes()

    def broken(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        weights.save("net", {"other": np.zeros(3)})
    assert weights.path("net").read_bytes() == before
    assert files(cache) == ["net.safetensors"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_full_disk_is_an_error_that_says_how_much_room_is_needed(
    cache, monkeypatch, function
):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, function, full)
    with pytest.raises(PieError, match=r"disk is full.* MB.*GB.*PIE_JAX_CACHE"):
        weights.save("net", arrays())
    assert files(cache) == []


def test_an_unwritable_cache_folder_is_an_error_that_names_the_variable(
    tmp_path, monkeypatch
):
    # A folder below a regular file: it cannot be made, even by root.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(PieError, match="Cannot write.*PIE_JAX_CACHE"):
        weights.save("net", arrays())


KILLED_BETWEEN_WRITING_AND_RENAMING = """
import os, signal
import numpy as np
from pie_jax.io import weights
os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
with weights.exclusive(), weights.temporary_folder() as folder:
    (folder / "download").write_text("half")
    weights.save("net", {"a": np.zeros(3)})
"""


def test_a_killed_run_leaves_no_file_and_the_next_run_clears_its_remains(cache):
    run = subprocess.run(
        [sys.executable, "-c", KILLED_BETWEEN_WRITING_AND_RENAMING], check=False
    )
    assert run.returncode == -signal.SIGKILL
    remains = files(cache)
    assert len(remains) == 3  # a file, a folder and the file in it
    assert all(name.startswith(".partial-") or name == "download" for name in remains)
    with pytest.raises(PieError):
        weights.load("net")

    weights.save("net", arrays())
    assert files(cache) == ["net.safetensors"]


def test_writers_take_turns(capsys):
    inside, order = threading.Event(), []

    def second():
        inside.wait()
        with weights.exclusive():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with weights.exclusive(), weights.exclusive():
        inside.set()
        thread.join(timeout=0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().err


def test_check_accepts_what_fits():
    template = jax.eval_shape(lambda: {"conv": {"kernel": jnp.zeros((2, 3))}})
    weights.check({"conv": {"kernel": np.zeros((2, 3), np.float32)}}, template, "net")


def test_check_lists_all_problems_in_one_error():
    template = {
        "conv": {
            "kernel": jax.ShapeDtypeStruct((3, 3, 1, 8), jnp.float32),
            "bias": jax.ShapeDtypeStruct((8,), jnp.float32),
        },
        "dense": {"bias": jax.ShapeDtypeStruct((5,), jnp.float32)},
        "norm": {"scale": jax.ShapeDtypeStruct((2,), jnp.float32)},
    }
    params = {
        "conv": {"kernel": np.zeros((8, 1, 3, 3), np.float32)},
        "dense": {"bias": np.zeros(5, np.float64)},
        "norm": {"scale": np.zeros(2, np.float32), "offset": np.zeros(2)},
    }
    with pytest.raises(PieError) as error:
        weights.check(params, template, "net")
    message = str(error.value)
    assert "missing: conv/bias" in message
    assert "surplus: norm/offset" in message
    assert "conv/kernel is float32 [8, 1, 3, 3], expected float32 [3, 3, 1, 8]" in (
        message
    )
    assert "dense/bias is float64 [5], expected float32 [5]" in message
    assert "norm/scale" not in message
