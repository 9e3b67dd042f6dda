"""Files and folders that one process holds, until it lets go or dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove what another has opened
    fcntl = None  # type: ignore[assignment]


def make_folder(place: Path) -> None:
    """Makes a folder, while others may remove it again for being empty.

    Raises:
        OSError: it cannot be made.
    """
    for _ in range(99):
        with suppress(FileExistsError, FileNotFoundError):
            return place.mkdir(parents=True, exist_ok=True)
    return place.mkdir(parents=True, exist_ok=True)


def write(file: Path, content: bytes) -> None:
    """Writes a file, while others may remove its folder for being empty.

    Raises:
        OSError: it cannot be written.
    """
    for _ in range(99):
        with suppress(FileNotFoundError):
            make_folder(file.parent)
            file.write_bytes(content)
            return
    file.write_bytes(content)


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Holds a file or folder that is there; False comes where another process does.

    Raises:
        OSError: it is not there.
    """
    if fcntl is None:
        yield True
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(file: Path, *, wait: bool = True) -> Iterator[bool]:
    """Holds a file that is there only meanwhile; its folder is made.

    Args:
        file: it is removed afterwards.
        wait: for a process that holds it, which is told on stderr; else False comes.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        make_folder(file.parent)
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # who held it before has just removed its empty folder
        try:
            ours = _lock(descriptor)
            if not ours and wait:
                print(f"{file.parent}: waiting for another run", file=sys.stderr)
                ours = _lock(descriptor, wait=True)
            if ours and not _is(descriptor, file):
                continue  # who held it before has removed it
            try:
                yield ours
            finally:
                with suppress(OSError):  # the folder became unusable
                    if ours:
                        file.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int, *, wait: bool = False) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True
