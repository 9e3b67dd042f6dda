"""`pie embed` in processes of their own, and what comes of it."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pie_jax.io import codes, results
from tests import builders

_SCRIPT = """
import sys
from pie_jax.cli import main
from pie_jax.stack import configuration
from pie_jax.workflows import embed
print("ready", flush=True)
sys.exit(main.main(sys.argv[1:]))
"""
_ROOT = Path(__file__).resolve().parents[1]


class Run:
    """One `pie WORDS` in a session of its own; what it prints is kept in a file."""

    def __init__(self, log: Path, *words: object):
        self._log = log
        environment = os.environ | {"PYTHONPATH": str(_ROOT)}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, *map(str, words)],
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Until all is imported."""
        while self.process.poll() is None and "ready" not in self._log.read_text():
            time.sleep(0.01)

    def kill(self) -> None:
        """Ends it, and all that it started, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def photos(folder: Path, count: int) -> list[Path]:
    """Square photographs in a new folder."""
    folder.mkdir(parents=True)
    return [builders.square_photo(folder / f"{i}.png", seed=i) for i in range(count)]


def outcome(out: Path) -> dict[str, dict[str, object]]:
    """All that lies in a folder of results, by portrait and name; without the clock's
    time and the names that Orbax draws at random."""
    return {place.name: _portrait(place) for place in out.iterdir()}


def _portrait(place: Path) -> dict[str, object]:
    found: dict[str, object] = {
        file.name: file.read_bytes() if file.suffix == ".png" else None
        for file in place.iterdir()
    }
    if "code" in found and results.METRICS in found:
        arrays, origin = codes.load(place)
        metrics = json.loads((place / results.METRICS).read_text())
        found["code"] = {k: x.tobytes() for k, x in arrays.items()}, origin
        found[results.METRICS] = metrics | {"seconds": 0}
    return found


def fresh(folder: Path) -> Path:
    """The name of a folder that is not there any more."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def command(main: Callable[[int, int, Path], Any], text: str | None, num: int) -> None:
    """Runs a script's `main` of number, seed and an empty folder, and prints its result."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--num", type=int, default=num)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(main(args.num, args.seed, Path(folder)))
