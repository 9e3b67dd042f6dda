import os
import platform
import sys

import pytest

from pie_jax.cli import huge_pages


@pytest.fixture
def started(monkeypatch):
    """What `os.execv` would have started."""
    calls = []
    monkeypatch.setattr(os, "execv", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    # Set first, so that whatever a test leaves there is undone.
    monkeypatch.setenv("GLIBC_TUNABLES", "")
    monkeypatch.delenv("GLIBC_TUNABLES")
    return calls


def test_the_same_command_line_starts_again_with_huge_pages(started, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "pie_jax", "embed", "a b"])
    huge_pages.restart()
    command = [sys.executable, "-m", "pie_jax", "embed", "a b"]
    assert started == [(sys.executable, command)]
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"


def test_it_starts_again_only_once(started):
    huge_pages.restart()
    huge_pages.restart()
    assert len(started) == 1


def test_a_setting_of_the_users_stays(started, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    huge_pages.restart()
    assert not started and os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=0"


def test_another_c_library_is_left_alone(started, monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    huge_pages.restart()
    assert not started and "GLIBC_TUNABLES" not in os.environ
