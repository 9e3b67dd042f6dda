"""The one rule of all readers: whatever a damaged file raises becomes one error."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pie_jax.core.errors import PieError, shown

DAMAGED = "cannot be read: it is of another kind, or damaged or truncated"

Made = TypeVar("Made")


@contextmanager
def explained(
    file: str | Path, problem: str = DAMAGED, remedy: str = "Get the file again."
) -> Iterator[None]:
    """Turns what goes wrong while a file is read into a `PieError` that names it.

    Raises:
        PieError: "FILE PROBLEM (what was wrong). REMEDY"; or what the system says of a
            file that it cannot open.
    """
    try:
        yield
    except PieError:
        raise
    except OSError as error:
        if error.strerror:
            raise PieError(f"{file} cannot be read: {error.strerror}.") from error
        raise PieError(f"{file} {problem} ({why(error)}). {remedy}") from error
    except Exception as error:  # its bytes decide which
        raise PieError(f"{file} {problem} ({why(error)}). {remedy}") from error


def reader(function: Callable[..., Made]) -> Callable[..., Made]:
    """Decorates a function that reads the file of its first argument: numbers that lead
    to infinity or nowhere are damage too."""

    @wraps(function)
    def read(path: str | Path, *args: Any, **options: Any) -> Made:
        with (
            explained(path),
            np.errstate(over="raise", divide="raise", invalid="raise"),
        ):
            return function(path, *args, **options)

    return read


def check_ordinary(path: Path) -> None:
    """Keeps a pipe or a device, which may never end, from being read.

    Raises:
        OSError: there is nothing of this name, or it may not be seen.
        PieError: it is such a thing.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise PieError(f"{path}: expected a file, found a special file.")


def why(error: Exception) -> str:
    """What an exception says, in few words."""
    text = shown(error)
    # Python's parser has a stack of its own.
    if isinstance(error, RecursionError) or "Parser stack" in text:
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    return text if len(text.split()) > 1 else f"{type(error).__name__} {text}".strip()
