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

_PREFIX = ".partial-"
_OURS = re.compile(re.escape(_PREFIX) + "[0-9a-f]{32}")


def partial(folder: Path) -> Path:
    """A new name in `folder` for something unfinished, which `clear` knows."""
    return folder / f"{_PREFIX}{uuid.uuid4().hex}"


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Opens a file that becomes `target` when the block ends without an error.

    Args:
        target: its folder exists; what has this name before is replaced.

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
