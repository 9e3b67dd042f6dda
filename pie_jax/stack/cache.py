"""The cache folder of weights: where it is, who writes to it, and what lies there.

A file appears under its name only when it is complete (see `io.atomic`). Writers of one
folder take turns by a lock that the system takes back when its holder dies. So two runs
at once fetch things once, and whoever holds the lock knows that any `.partial-` file
belongs to a dead run and may go.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors
from filelock import FileLock, Timeout

from pie_jax.core.errors import PieError
from pie_jax.io import arrays, atomic
from pie_jax.stack.registry import LANDMARKS68

SPACE = "about 0.4 GB, and 0.6 GB while it is being fetched"
"""What the default stack takes: carriers and converted files; unpacking on top."""

_KEPT_AS_PUBLISHED = {LANDMARKS68: ".dat"}


def cache_dir() -> Path:
    """The folder of the weights: `PIE_JAX_CACHE`, or `pie_jax` in the user's cache.

    Raises:
        PieError: it is in the home directory of a user who has none.
    """
    chosen = os.environ.get("PIE_JAX_CACHE")
    try:
        if chosen:
            return Path(chosen).expanduser().absolute()
        return platformdirs.user_cache_path("pie_jax", appauthor=False, opinion=False)
    except RuntimeError as error:
        raise PieError(
            f"there is no home directory to keep weights in ({error}); set PIE_JAX_CACHE "
            "to the full name of a folder"
        ) from error


def path(name: str) -> Path:
    """Where the weights called `name` lie, whether they are there or not."""
    return cache_dir() / (name + _KEPT_AS_PUBLISHED.get(name, ".safetensors"))


def save(
    name: str, flat: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes arrays under `/`-joined names as `path(name)`, all or nothing, with text
    (source, licence, ...) in the file's header.

    Raises:
        PieError: the disk is full or the cache folder cannot be written.
    """
    write(path(name), arrays.encode(flat, metadata))


def write(target: Path, content: bytes) -> None:
    """Writes a file of the cache, all or nothing; errors as `save`'s."""
    with exclusive(), explained(target, len(content)):
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(target) as file:
            file.write(content)


def load(name: str) -> dict[str, Any]:
    """The weights called `name` as nested dicts of arrays, one level for each `/`.

    Raises:
        PieError: they are not in the cache, or the file is damaged.
    """
    file = path(name)
    if not file.exists():
        raise PieError(
            f"The weights {name} are not in the cache: expected {file}. "
            "Run `pie weights` to fetch them."
        )
    try:
        return arrays.read(file).nested()
    except safetensors.SafetensorError as error:
        raise PieError(
            f"The weights {name} are damaged: {file} is not a whole safetensors file "
            f"({error}). Run `pie weights --verify` to make them again."
        ) from error
    except OSError as error:
        raise PieError(f"The weights {name} cannot be read: {error}.") from error


def metadata(name: str) -> dict[str, str] | None:
    """The header's text of a safetensors file; None if it is absent or truncated."""
    try:
        return arrays.read_metadata(path(name))
    except (OSError, safetensors.SafetensorError):
        return None


def is_intact(name: str) -> bool:
    """Whether the arrays of a safetensors file are those that `save` was given."""
    try:
        return arrays.read(path(name)).is_intact()
    except (OSError, safetensors.SafetensorError):
        return False


def remedy(name: str) -> str:
    """What to do about weights of the cache that do not fit their network."""
    return (
        "Run `pie weights --verify`; if that does not help, "
        f"delete {path(name)} and run `pie weights`."
    )


@contextmanager
def exclusive() -> Iterator[None]:
    """Makes this thread the only writer of the cache folder, which is made if missing.

    May be nested. Waits for other runs (and says so); then clears away what runs that
    were killed have left.

    Raises:
        PieError: the cache folder cannot be made or written.
    """
    folder = cache_dir()
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # One object for each path, which its thread may take again.
        lock = FileLock(folder / ".lock", is_singleton=True)
        nested = lock.is_locked
        _take(lock)
    try:
        if not nested:
            atomic.clear(folder)
        yield
    finally:
        lock.release()


def _take(lock: FileLock) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(
            f"Another run is writing to {cache_dir()}: waiting for it.", file=sys.stderr
        )
        lock.acquire()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder on the cache's disk that is gone afterwards, also if the run is killed.

    (Then the next run clears it away.) Call it inside `exclusive`.
    """
    folder = atomic.partial(cache_dir())
    try:
        with explained(folder):
            folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def explained(target: Path, size: int | None = None) -> Iterator[None]:
    """Turns a failure to write `target` (`size` bytes) into a `PieError`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(target, size) from error
        raise PieError(
            f"Cannot write to the weights' cache: {target} ({error.strerror or error})."
            " Make that folder writable, or set PIE_JAX_CACHE to a folder that is."
        ) from error


def disk_full(target: Path, size: int | None = None) -> PieError:
    """The error for a full disk: what was being written and how much room it takes."""
    wanted = "" if size is None else f" ({size / 1e6:.1f} MB)"
    return PieError(
        f"The disk is full: could not write {target}{wanted}. The whole default stack "
        f"takes {SPACE}. Free that much in {cache_dir()}, or set PIE_JAX_CACHE to a "
        "folder on a larger disk, and run the command again; nothing half-written "
        "was left."
    )
