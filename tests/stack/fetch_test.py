import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pie_jax.converters import carriers, stack

from pie_jax.core.errors import PieError
from pie_jax.io import weights

ROOT = Path(__file__).resolve().parents[2]
RAW = b"kept as published"


def install_fake_stack(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Replaces the tables by one small carrier in `folder` and two assets made of it.

    Each call of the converter adds a line to `folder/conversions`. A carrier that is
    there stays as it is: another process may be reading it.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo("fake/net.bin"), np.arange(6.0).tobytes())
        archive.writestr(zipfile.ZipInfo("fake/raw.dat"), RAW)
    published = folder / "fake-1.0.whl"
    if not published.exists():
        published.write_bytes(content.getvalue())
    carrier = carriers.Carrier(
        package="fake",
        version="1.0",
        filename=published.name,
        sha256=hashlib.sha256(content.getvalue()).hexdigest(),
        size=len(content.getvalue()),
        licence="none",
    )

    def convert(files):
        with open(folder / "conversions", "a") as log:
            log.write("net\n")
        return {"layer/bias": np.frombuffer(files["net.bin"])}

    converter = types.ModuleType("pie_jax.converters.fake")
    converter.convert = convert
    common = {"carrier": "fake", "purpose": "a test", "licence": "none"}
    net = stack.Asset(name="net", members=("net.bin",), converter="fake", **common)
    kept = stack.Published(len(RAW), hashlib.sha256(RAW).hexdigest())
    raw = stack.Asset(
        name="landmarks68", members=("raw.dat",), published=kept, **common
    )
    patch.setitem(sys.modules, converter.__name__, converter)
    patch.setattr(carriers, "CARRIERS", {"fake": carrier})
    patch.setattr(stack, "ASSETS", {"net": net, "landmarks68": raw})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the fake carrier, and beside it an empty cache."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "carriers"
    folder.mkdir()
    install_fake_stack(folder, monkeypatch)
    return folder


def conversions(folder):
    log = folder / "conversions"
    return log.read_text().count("net") if log.exists() else 0


def cached():
    return sorted(
        path.relative_to(weights.cache_dir()).as_posix()
        for path in weights.cache_dir().rglob("*")
        if path.name != ".lock"
    )


def test_all_assets_are_made_from_one_reading_of_their_carrier(folder, monkeypatch):
    opened = []
    read_members = carriers.read_members

    def counting(*args):
        opened.append(args[0])
        return read_members(*args)

    monkeypatch.setattr(carriers, "read_members", counting)
    stack.ensure(source=folder, progress=False)
    assert opened == ["fake"]
    np.testing.assert_array_equal(weights.load("net")["layer"]["bias"], np.arange(6.0))
    assert weights.path("landmarks68").read_bytes() == RAW
    assert len(cached()) == 2


def test_a_made_file_tells_its_source_and_licence(folder):
    stack.ensure("net", source=folder, progress=False)
    header = weights.metadata("net")
    assert header["source"] == "fake==1.0"
    assert header["source_sha256"] == carriers.CARRIERS["fake"].sha256
    assert header["licence"] == "none"
    assert header["version"] == "1"


def test_a_second_run_does_nothing(folder, monkeypatch):
    stack.ensure(source=folder, progress=False)

    def forbidden(*args):
        raise AssertionError("a second run opened a carrier or took the lock")

    monkeypatch.setattr(carriers, "read_members", forbidden)
    monkeypatch.setattr(weights, "exclusive", forbidden)
    stack.ensure()
    assert conversions(folder) == 1


def test_only_what_is_lacking_is_made(folder):
    stack.ensure("landmarks68", source=folder, progress=False)
    assert not weights.path("net").exists()
    stack.ensure(source=folder, progress=False)
    weights.path("landmarks68").unlink()
    stack.ensure(source=folder, progress=False)
    assert weights.path("landmarks68").exists()
    assert conversions(folder) == 1


def test_a_truncated_file_is_made_again(folder):
    stack.ensure(source=folder, progress=False)
    for name in ("net", "landmarks68"):
        file = weights.path(name)
        file.write_bytes(file.read_bytes()[:-1])
    stack.ensure(source=folder, progress=False)
    assert weights.is_intact("net")
    assert weights.path("landmarks68").read_bytes() == RAW


@pytest.mark.parametrize("change", ["converter", "carrier"])
def test_a_changed_converter_or_carrier_makes_the_file_again(
    folder, monkeypatch, change
):
    stack.ensure(source=folder, progress=False)
    if change == "converter":
        changed = replace(stack.ASSETS["net"], version=2)
        monkeypatch.setitem(stack.ASSETS, "net", changed)
    else:
        file = folder / "fake-1.0.whl"
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("fake/new", "")
        changed = replace(
            carriers.CARRIERS["fake"],
            sha256=carriers.sha256(file),
            size=file.stat().st_size,
        )
        monkeypatch.setitem(carriers.CARRIERS, "fake", changed)
    stack.ensure(source=folder, progress=False)
    assert conversions(folder) == 2


def test_a_newer_converter_needs_no_second_download(folder, monkeypatch):
    kept = carriers.kept(carriers.CARRIERS["fake"])
    kept.parent.mkdir(parents=True)
    kept.write_bytes((folder / "fake-1.0.whl").read_bytes())

    def forbidden(*args):
        raise AssertionError("pip was called")

    monkeypatch.setattr(carriers, "_run_pip", forbidden)
    stack.ensure("net", progress=False)
    changed = replace(stack.ASSETS["net"], version=2)
    monkeypatch.setitem(stack.ASSETS, "net", changed)
    stack.ensure("net", progress=False)
    assert conversions(folder) == 2


def test_a_failing_converter_leaves_nothing(folder, monkeypatch):
    def broken(files):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["pie_jax.converters.fake"], "convert", broken)
    with pytest.raises(KeyboardInterrupt):
        stack.ensure("net", source=folder, progress=False)
    assert cached() == []


def test_an_unknown_name_is_an_error_that_lists_the_known(folder):
    with pytest.raises(PieError, match="nott.*net, landmarks68"):
        stack.ensure("nott")


@pytest.mark.parametrize("name", ["net", "landmarks68"])
def test_verify_removes_a_damaged_file_and_ensure_makes_it_again(folder, name):
    stack.ensure(source=folder, progress=False)
    assert stack.verify() == []
    content = bytearray(weights.path(name).read_bytes())
    content[-1] ^= 1
    weights.path(name).write_bytes(content)

    assert stack.verify() == [weights.path(name)]
    assert not weights.path(name).exists()
    stack.ensure(source=folder, progress=False)
    assert stack.verify() == []


def test_verify_removes_a_damaged_kept_carrier(folder):
    kept = carriers.kept(carriers.CARRIERS["fake"])
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"damaged")
    assert stack.verify("net") == [kept]
    assert not kept.exists()


def start_run(folder: Path, how: str) -> subprocess.Popen:
    """Starts a process that makes the fake stack's assets as `how` says."""
    code = f"from tests.converters import stack_test as t; t.{how}({str(folder)!r})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)


def make_slowly(folder: str) -> None:
    """Runs in a process of its own: gives the other run time to come between."""
    with pytest.MonkeyPatch.context() as patch:
        install_fake_stack(Path(folder), patch)
        rename = os.replace
        patch.setattr(os, "replace", lambda *args: (time.sleep(0.5), rename(*args)))
        stack.ensure(source=Path(folder), progress=False)


def make_and_be_killed(folder: str) -> None:
    """Runs in a process of its own: dies between writing a file and renaming it."""
    with pytest.MonkeyPatch.context() as patch:
        install_fake_stack(Path(folder), patch)
        patch.setattr(os, "replace", lambda *args: os.kill(os.getpid(), signal.SIGKILL))
        stack.ensure(source=Path(folder), progress=False)


def test_two_runs_at_once_make_everything_once(folder):
    runs = [start_run(folder, "make_slowly") for _ in range(2)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    assert conversions(folder) == 1
    assert cached() == ["landmarks68.dat", "net.safetensors"]
    assert stack.verify() == []


def test_a_killed_run_leaves_nothing_that_counts_and_the_next_one_finishes(folder):
    assert start_run(folder, "make_and_be_killed").wait(timeout=60) == -signal.SIGKILL
    (left,) = cached()
    assert left.startswith(".partial-")
    stack.ensure(source=folder, progress=False)
    assert cached() == ["landmarks68.dat", "net.safetensors"]
    assert stack.verify() == []


def test_every_asset_of_the_default_stack_is_described():
    assert list(stack.ASSETS) == [
        "mobile_stylegan_ffhq",
        "vgg16",
        "dlib_resnet",
        "landmarks68",
    ]
    for name, asset in stack.ASSETS.items():
        assert asset.name == name
        assert asset.carrier in carriers.CARRIERS
        assert asset.licence and asset.purpose and asset.members
        assert (asset.converter is None) == (asset.published is not None)
    assert "non-commercial" in stack.ASSETS["mobile_stylegan_ffhq"].licence
    assert "commercial use" in stack.ASSETS["landmarks68"].licence
    assert "CC BY 4.0" in stack.ASSETS["vgg16"].licence
    assert "CC0" in stack.ASSETS["dlib_resnet"].licence


@pytest.mark.real
def test_the_default_stack_is_made_and_intact():
    stack.ensure()
    assert all(map(stack.is_ready, stack.ASSETS.values()))
    assert stack.verify() == []
