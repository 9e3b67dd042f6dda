"""Paths under which Orbax and TensorStore find a folder, whatever its name is.

They take "[", "?" or "*" in a path for patterns, and want it in UTF-8.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pie_jax.core.errors import PieError

_DESCRIPTORS = Path("/proc/self/fd")  # where Linux has them
_PATIENCE = 5.0
"""Seconds, within which a thread of a write that failed ends."""


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
    hooks = sys.excepthook, sys.unraisablehook
    tasks = logging.getLogger("asyncio")
    told = tasks.level
    _hush()
    tasks.setLevel(logging.CRITICAL)
    try:
        with _path(folder) as path:
            yield path
    except BaseException:
        _let_end()  # what comes later still is not told either
        raise
    else:
        sys.excepthook, sys.unraisablehook = hooks
        tasks.setLevel(told)
    finally:
        log.setLevel(level)


def _let_end() -> None:
    """Waits for threads of a write that failed, which Orbax leaves to themselves."""
    for thread in threading.enumerate():
        if type(thread).__module__.startswith("orbax."):
            thread.join(_PATIENCE)


def _hush() -> None:
    """Leaves out that TensorStore's threads do not find who began what has failed."""

    def without(told: Callable, value: Callable[..., Any]) -> Callable:
        def hook(*args: Any) -> None:
            if "Event loop is closed" not in str(value(*args)):
                told(*args)

        return hook

    sys.excepthook = without(sys.excepthook, lambda kind, value, traceback: value)
    sys.unraisablehook = without(sys.unraisablehook, lambda x: x.exc_value)


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
