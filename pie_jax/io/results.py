"""The folder that an embedded portrait gets."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, codes, images

METRICS = "metrics.json"
"""Written last: where it is, the folder is complete."""


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
    probe = atomic.partial(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PieError(
            f"cannot write to {folder} ({error.strerror}); choose another folder"
        )


@contextmanager
def folder(place: Path) -> Iterator[None]:
    """A writable folder, which is gone afterwards if it was made for nothing.

    Raises:
        PieError: it cannot be made or written to.
    """
    made = not place.exists()
    make_folder(place)
    try:
        yield
    finally:
        if made:
            remove_if_empty(place)


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
    code: dict[str, np.ndarray],
    origin: dict[str, Any],
    metrics: dict[str, Any],
    convergence_png: bytes,
) -> None:
    """Writes a portrait's results; `metrics.json` last, as the sign of completeness.

    Args:
        folder: exists already.
        aligned_u8: `[1024, 1024, 3]` uint8, the aligned photograph.
        projection_u8: `[R, R, 3]` uint8, I(w).
        code: `w` `[512]` or `w_plus` `[num_ws, 512]`.
        origin: JSON-able: generator id, configuration, alignment, ...
        metrics: JSON-able.
        convergence_png: a PNG file.

    Raises:
        PieError: the disk is full or the folder is not writable.
    """
    try:
        (folder / METRICS).unlink(missing_ok=True)
        atomic.clear(folder)
        images.write_png(folder / "aligned.png", aligned_u8)
        images.write_png(folder / "projection.png", projection_u8)
        _write(folder / "convergence.png", convergence_png)
        shutil.rmtree(folder / "code", ignore_errors=True)
        codes.save(folder / "code", code, origin)
        _write(folder / METRICS, json.dumps(metrics, indent=2).encode() + b"\n")
    except OSError as error:
        raise PieError(f"cannot write the results to {folder}: {error.strerror}")


def _write(path: Path, content: bytes) -> None:
    with atomic.replacing(path) as file:
        file.write(content)
