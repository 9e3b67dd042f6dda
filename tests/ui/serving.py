"""`pie ui` in a process of its own, and a browser that looks at it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_TOYS = """
import sys
from pathlib import Path
import pytest
from tests import toys
toys.install(Path(sys.argv[1]), pytest.MonkeyPatch())
from pie_jax.cli import main
sys.exit(main.main(sys.argv[2:]))
"""
_ROOT = Path(__file__).resolve().parents[2]


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    return found


@contextlib.contextmanager
def served(folder: Path, log: Path, *words: str, cache: Path | None = None) -> Iterator:
    """The server's address; with `cache` its networks are toys."""
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    environment.pop("PYTEST_CURRENT_TEST", None)  # by which NiceGUI would serve tests
    pie = ["ui", str(folder), "--no-browser", *words]
    start = ["-c", _TOYS, str(cache)] if cache else ["-m", "pie_jax.cli.main"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *start, *pie],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=log.parent,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip() or pytest.fail(log.read_text())
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@contextlib.contextmanager
def browser() -> Iterator:
    """Chromium without a window."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"]
        )
        yield found
        found.close()
