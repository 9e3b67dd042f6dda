"""The cache of third-party weights: where it is, atomic writing, strict loading.

Networks are safetensors files of float arrays under `/`-joined linen names. A file
appears under its name only when it is complete (see `atomic`). Its metadata hold the
SHA-256 of its arrays, so that damage can be told from a good file without the network.

Writers of one cache folder take turns by a lock that the system takes back when its
holder dies. So two runs at once fetch things once, and whoever holds the lock knows
that any `.partial-` file belongs to a dead run and may go. Where the system has no such
lock (Windows, some network file systems) nothing is cleared away, and two runs merely
replace each other's equal files.
"""

import errno
import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from pie_jax.core.errors import PieError
from pie_jax.io import atomic

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: see the module docstring
    fcntl = None

SPACE = "about 0.4 GB, and 0.6 GB while it is being fetched"
"""What the default stack takes: carriers and converted files; unpacking on top."""

_KEPT_AS_PUBLISHED = {"landmarks68": ".dat"}
_turn = threading.local()


def cache_dir() -> Path:
    """The folder of the weights: `PIE_JAX_CACHE`, or `pie_jax` in the user's cache."""
    chosen = os.environ.get("PIE_JAX_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return _user_cache() / "pie_jax"


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache")


def path(name: str) -> Path:
    """Where the weights called `name` lie, whether they are there or not."""
    return cache_dir() / (name + _KEPT_AS_PUBLISHED.get(name, ".safetensors"))


def save(
    name: str, flat: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes arrays as `path(name)`, all or nothing.

    Args:
        name: what `load` will ask for.
        flat: arrays of any shape under `/`-joined names.
        metadata: text to keep in the file's header (source, licence, ...).

    Raises:
        PieError: the disk is full or the cache folder cannot be written.
    """
    write(path(name), encode(flat, metadata))


def encode(
    flat: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The content of the safetensors file that `save` writes."""
    # safetensors writes the memory of a transposed view as it lies: make it lie right.
    arrays = {key: np.asarray(flat[key], order="C") for key in sorted(flat)}
    header = {**(metadata or {}), "arrays_sha256": _digest(arrays)}
    return safetensors.numpy.save(arrays, metadata=header)


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
    return nest(_read(path(name), name))


def load_within(within: Mapping[str, str]) -> dict[str, Any]:
    """Other weights that are parameters of a network, by what they are called there.

    Args:
        within: `catalogue.Choice.within`.

    Raises:
        PieError: as `load`.
    """
    return {key: load(name) for key, name in within.items()}


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays under `/`-joined names as nested dicts, one level for each `/`."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, leaf = key.split("/")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return nested


def _read(file: Path, name: str) -> dict[str, np.ndarray]:
    if not file.exists():
        raise PieError(
            f"The weights {name} are not in the cache: expected {file}. "
            "Run `pie weights` to fetch them."
        )
    try:
        return safetensors.numpy.load_file(file)
    except safetensors.SafetensorError as error:
        raise PieError(
            f"The weights {name} are damaged: {file} is not a whole safetensors file "
            f"({error}). Run `pie weights --verify` to make them again."
        ) from error
    except OSError as error:
        raise PieError(f"The weights {name} cannot be read: {error}.") from error


def metadata(name: str) -> dict[str, str] | None:
    """The header's text of a safetensors file; None if it is absent or truncated.

    Reads the header only, so it takes no time however large the file is.
    """
    try:
        with safetensors.safe_open(path(name), framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, safetensors.SafetensorError):
        return None


def is_intact(name: str) -> bool:
    """Whether the arrays of a safetensors file are those that `save` was given."""
    header = metadata(name)
    if header is None:
        return False
    return header.get("arrays_sha256") == _digest(_read(path(name), name))


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.asarray(arrays[key], order="C")
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def check(
    params: Mapping, template: Mapping, name: str, remedy: str | None = None
) -> None:
    """Compares loaded weights with what the network expects, before any is used.

    Args:
        params: nested dicts of arrays, as `load` gives them.
        template: nested dicts of anything with `shape` and `dtype`, as `jax.eval_shape`
            of a module's `init` gives them.
        name: what the weights are called in the error.
        remedy: the error's last line; without it, that for weights of the cache.

    Raises:
        PieError: one for all names that are missing, surplus, or of another shape or
            dtype.
    """
    found, expected = _flatten(params), _flatten(template)
    problems = [f"missing: {key}" for key in sorted(expected.keys() - found.keys())]
    problems += [f"surplus: {key}" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        want, have = _describe(expected[key]), _describe(found[key])
        if want != have:
            problems.append(f"misshapen: {key} is {have}, expected {want}")
    if problems:
        remedy = remedy or (
            "Run `pie weights --verify`; if that does not help, "
            f"delete {path(name)} and run `pie weights`."
        )
        listed = "\n  ".join(problems)
        raise PieError(
            f"The weights {name} do not fit the network:\n  {listed}\n{remedy}"
        )


def _flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{prefix}/{key}" if prefix else str(key))
    return flat


def _describe(leaf: Any) -> str:
    shape = ", ".join(str(size) for size in np.shape(leaf))
    return f"{np.dtype(getattr(leaf, 'dtype', type(leaf)))} [{shape}]"


@contextmanager
def exclusive() -> Iterator[None]:
    """Makes this thread the only writer of the cache folder, which is made if missing.

    May be nested. Waits for other runs (and says so); then clears away what runs that
    were killed have left.

    Raises:
        PieError: the cache folder cannot be made or written.
    """
    if getattr(_turn, "taken", False):
        yield
        return
    folder = cache_dir()
    with ExitStack() as stack:
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(open(folder / ".lock", "ab"))
        if _wait_for(lock):
            atomic.clear(folder)
        _turn.taken = True
        try:
            yield
        finally:
            _turn.taken = False


def _wait_for(lock: Any) -> bool:
    """Takes the lock, released when the file closes; False where there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(
            f"Another run is writing to {cache_dir()}: waiting for it.", file=sys.stderr
        )
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


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
