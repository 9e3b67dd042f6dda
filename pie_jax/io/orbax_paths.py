"""Paths under which Orbax and TensorStore find a folder, whatever its name is.

They take "[", "?" or "*" in a path for patterns, and want it in UTF-8.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pie_jax.core.errors import PieError

_DESCRIPTORS = Path("/proc/self/fd")  # where Linux has them


@contextmanager
def plain(folder: Path) -> Iterator[Path]:
    """A plain path that leads to a folder inside the block.

    Raises:
        OSError: the folder is not there.
        PieError: it has such a name, on a system that knows no other path.
    """
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
