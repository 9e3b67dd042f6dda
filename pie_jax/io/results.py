"""The folder that an embedded portrait gets."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, codes, images, locks, own_rigs
from pie_jax.io.codes import Code

METRICS = "metrics.json"
"""Written last: where it is, the folder is complete."""

LOCK = ".pie_jax-lock"
"""There while a run works on the folder."""


def state(folder: Path, key: str) -> str:
    """What a result folder holds: "absent" (nothing, or an unfinished result), "done"
    (the result of this `key` of configuration, photograph and weights) or "other"."""
    try:
        metrics = json.loads((folder / METRICS).read_text())
    except FileNotFoundError:
        # A folder `code` that is not ours is somebody's work.
        return "other" if _is_foreign(folder / "code") else "absent"
    except OSError as error:
        raise PieError(f"{folder / METRICS} cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return "other"
    done = isinstance(metrics, dict) and metrics.get("key") == key
    return "done" if done else "other"


def _is_foreign(code: Path) -> bool:
    ours = (code / "metadata").is_dir() or (code / "_CHECKPOINT_METADATA").exists()
    return code.exists() and not ours


def make_folder(folder: Path) -> None:
    """Makes a folder and makes sure that files can be written in it.

    Raises:
        PieError: it cannot be made or written to.
    """
    try:
        locks.make_folder(folder)
        # A file that one tries to write would stay behind if the run is killed.
        effective = os.access in os.supports_effective_ids
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise PieError(
            f"cannot write to {folder} ({error.strerror}); choose another folder"
        )


@contextmanager
def folder(place: Path) -> Iterator[None]:
    """A writable folder; it is gone afterwards, with those above it, if they were made
    for nothing.

    Raises:
        PieError: it cannot be made or written to.
    """
    made = [x for x in (place, *place.parents) if not x.exists()]
    make_folder(place)
    try:
        yield
    finally:
        for each in made:
            remove_if_empty(each)


@contextmanager
def claimed(place: Path, *, wait: bool = True) -> Iterator[bool]:
    """A `folder` that no other run claims meanwhile, without what killed runs left.

    Args:
        place: the folder.
        wait: for another run to end, which is told on stderr; else False comes.

    Raises:
        PieError: it cannot be made or written to.
    """
    with folder(place), ExitStack() as contexts:
        with atomic.explained(place):
            ours = contexts.enter_context(locks.held(place / LOCK, wait=wait))
        if ours:
            atomic.clear(place)
        yield ours


def is_tidy(place: Path) -> bool:
    """Whether nothing is left there of runs that were killed, or that go on."""
    return next(place.glob(".*"), None) is None


def remove_if_empty(folder: Path) -> None:
    """Removes a folder that `make_folder` made and nothing was written to."""
    try:
        folder.rmdir()
    except OSError:
        pass  # something is in it, or it is not there


def write(
    folder: Path,
    aligned_u8: np.ndarray,
    projection_u8: np.ndarray,
    code: Code,
    origin: dict[str, Any],
    metrics: dict[str, Any],
    convergence_png: bytes,
) -> None:
    """Writes a portrait's results; `metrics.json` last, as the sign of completeness.

    Args:
        folder: exists already.
        aligned_u8: `[1024, 1024, 3]` uint8, the aligned photograph.
        projection_u8: `[R, R, 3]` uint8, I(w).
        code: of the portrait.
        origin: JSON-able: generator id, configuration, alignment, ...
        metrics: JSON-able.
        convergence_png: a PNG file.

    Raises:
        PieError: the disk is full or the folder is not writable; what was there stays.
    """
    files = {
        "aligned.png": images.encode_png(aligned_u8),
        "projection.png": images.encode_png(projection_u8),
        "convergence.png": convergence_png,
        METRICS: json.dumps(metrics, indent=2).encode() + b"\n",
    }
    with atomic.explained(folder), atomic.folder(folder) as new:
        for name, content in files.items():
            with atomic.explained(folder / name), atomic.replacing(new / name) as file:
                file.write(content)
        with atomic.explained(folder / "code", Exception):
            codes.write(new / "code", code, origin)
        (folder / own_rigs.FILE).unlink(missing_ok=True)  # of an older code
        (folder / METRICS).unlink(missing_ok=True)
        shutil.rmtree(folder / "code", ignore_errors=True)
        for name in ("code", *files):
            os.replace(new / name, folder / name)
