"""Files that are never seen half-written.

A file is written beside its place under a `.partial-` name, flushed to the disk, and
renamed; so under its own name it is complete, or as it was before. Who writes it holds
it, so that nobody takes it for something that a killed run left.
"""

import errno
import io
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pie_jax.core.errors import PieError
from pie_jax.io import locks

_PREFIX = ".partial-"
_OURS = re.compile(re.escape(_PREFIX) + "[0-9a-f]{32}")


def partial(place: Path) -> Path:
    """A new name in `place` for something unfinished, which `clear` knows."""
    return place / f"{_PREFIX}{uuid.uuid4().hex}"


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Opens a file that becomes `target` when the block ends without an error; what has
    this name before is replaced.

    Raises:
        OSError: the folder is absent or not writable, or the disk is full.
    """
    # In the same folder, for replacing is atomic only within one file system.
    unfinished = partial(target.parent)
    try:
        unfinished.touch(exist_ok=False)
        with locks.holding(unfinished):
            raw = io.FileIO(unfinished, "w")
            with _Buffered(raw) as file:
                yield file
                file.flush()
                os.fsync(raw.fileno())
            os.replace(unfinished, target)
    finally:
        _remove(unfinished)


class _Buffered(io.BufferedWriter):
    """Keeps its descriptor to itself: libraries that write to that lose the reason of a
    failure."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


@contextmanager
def folder(place: Path) -> Iterator[Path]:
    """A new folder in `place` for what is unfinished; it is gone afterwards.

    Raises:
        OSError: `place` is absent or not writable, or the disk is full.
    """
    unfinished = partial(place)
    unfinished.mkdir()
    try:
        with locks.holding(unfinished):
            yield unfinished
    except BaseException:
        remove(unfinished)
        raise
    shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """`replacing` for a file that the user names; what killed runs left beside it goes.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
    """
    with explained(target):
        clear(target.parent)
        with replacing(target) as file:
            yield file


@contextmanager
def explained(target: Path, kind: type[Exception] = OSError) -> Iterator[None]:
    """Turns a failure to write `target`, of this `kind`, into PieError."""
    try:
        yield
    except PieError:
        raise
    except kind as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        if "RESOURCE_EXHAUSTED" in reason:  # so TensorStore calls it, at some length
            reason = os.strerror(errno.ENOSPC)
        raise not_writable(target, reason) from error


def not_writable(path: Path, reason: str) -> PieError:
    """The error that says that a file cannot be written."""
    return PieError(
        f"{path}: cannot be written ({reason}). Choose a folder that exists, is "
        "writable and has space left."
    )


def clear(place: Path) -> None:
    """Removes what killed runs left unfinished in `place` itself.

    Only names that `partial` makes are touched, unless a living run holds them, and no
    folder below: a user may have named one that holds other things.
    """
    for left in place.glob(f"{_PREFIX}*"):
        if not _OURS.fullmatch(left.name) or left.is_symlink():
            continue
        try:
            with locks.holding(left) as ours:
                if ours and left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                elif ours:
                    _remove(left)
        except OSError:
            pass  # it was finished meanwhile


def remove(folder: Path) -> None:
    """Removes a folder in which threads of a failed write may go on for a moment."""
    deadline = time.monotonic() + 5
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        pass  # the folder became unusable, which the write itself has reported
