"""Paths under which Orbax and TensorStore find a folder, whatever its name is.

They take "[", "?" or "*" in a path for patterns, and want it in UTF-8.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pie_jax.core.errors import PieError

_DESCRIPTORS = Path("/proc/self/fd")  # where Linux has them


@contextmanager
def plain(folder: Path) -> Iterator[Path]:
    """A plain path that leads to a folder inside the block.

    Orbax's log is silent there: it has tracebacks of what is told in one line.

    Raises:
        OSError: the folder is not there.
        PieError: it has such a name, on a system that knows no other path.
    """
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with _path(folder) as path:
            yield path
    finally:
        log.setLevel(level)


@contextmanager
def _path(folder: Path) -> Iterator[Path]:
    if not _DESCRIPTORS.is_dir():
        name = str(folder.absolute())
        if not name.isprintable() or set(name) & set("[]*?\\"):
            raise PieError(
                f"{name}: names with [ ] * ? or a backslash, or not in UTF-8, cannot be "
                "used here; choose another folder"
            )
        yield folder.absolute()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _DESCRIPTORS / str(descriptor)
    finally:
        os.close(descriptor)
