"""Files that are never seen half-written.

A file is written beside its place under a `.partial-` name, flushed to the disk, and
renamed; so under its own name it is complete, or as it was before.
"""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pie_jax.core.errors import PieError

_PREFIX = ".partial-"
_OURS = re.compile(re.escape(_PREFIX) + "[0-9a-f]{32}")


def partial(folder: Path) -> Path:
    """A new name in `folder` for something unfinished, which `clear` knows."""
    return folder / f"{_PREFIX}{uuid.uuid4().hex}"


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
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        _remove(unfinished)


@contextmanager
def writing(target: Path) -> Iterator[BinaryIO]:
    """`replacing` for a file that the user names.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
    """
    try:
        with replacing(target) as file:
            yield file
    except OSError as error:
        raise not_writable(target, error.strerror or str(error)) from error


def not_writable(path: Path, reason: str) -> PieError:
    """The error that says that a file cannot be written."""
    return PieError(
        f"{path}: cannot be written ({reason}). Choose a folder that exists, is "
        "writable and has space left."
    )


def clear(folder: Path) -> None:
    """Removes what killed runs left unfinished in `folder` itself.

    The caller knows that no other run is writing there. Only names that `partial` makes
    are touched, and no folder below: a user may have named one that holds other things.
    """
    for left in folder.glob(f"{_PREFIX}*"):
        if not _OURS.fullmatch(left.name):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            _remove(left)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        pass  # the folder became unusable, which the write itself has reported
