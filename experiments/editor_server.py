"""`pie ui` in a process of its own, and a browser without a window that looks at it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pie_jax.core.errors import PieError

_ROOT = Path(__file__).resolve().parents[1]
PIE = ("-m", "pie_jax.cli.main")


class Server(NamedTuple):
    """A server that runs.

    Attributes:
        address: of the page.
        process: its number.
    """

    address: str
    process: int

    def resident(self) -> int:
        """Its memory in MB."""
        pages = Path(f"/proc/{self.process}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") // 2**20


@contextlib.contextmanager
def served(
    folder: Path, log: Path, *words: str, start: Sequence[str] = PIE
) -> Iterator[Server]:
    """A server that runs meanwhile.

    Args:
        folder: of portraits.
        log: the file that gets what it complains about.
        words: more options.
        start: how Python begins `pie`.

    Raises:
        PieError: it ended before it served.
    """
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    environment.pop("PYTEST_CURRENT_TEST", None)  # by which NiceGUI would serve tests
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *start, "ui", str(folder), "--no-browser", *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=log.parent,
            text=True,
        )
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise PieError(f"the editor did not start: {log.read_text()}")
            yield Server(address, process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium, as Playwright drives it.

    Raises:
        PieError: it is not installed.
    """
    from playwright.sync_api import sync_playwright

    if (program := chromium()) is None:
        raise PieError("no chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"]
        )
        yield found
        found.close()
