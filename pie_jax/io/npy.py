"""NumPy's .npy and .npz files of real numbers, read without trusting them.

Nothing is allocated that the file itself does not hold; pickles are read by whoever
wants them.
"""

import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.io import reading
from pie_jax.io.allowance import Allowance

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1


class Unread:
    """An entry of an archive that is no array of real numbers, and why."""

    def __init__(self, why: str):
        self.why = why


def read_npy(path: Path, objects: Callable[[bytes], Any] | None = None) -> Any:
    """Reads one array of real numbers.

    Args:
        path: the file.
        objects: what reads the pickle that an array of objects is. Without it there
            must be none.

    Raises:
        PieError: the file cannot be read, is damaged, or holds anything else.
    """
    with reading.explained(path, _problem(".npy")):
        reading.check_ordinary(path)
        return _array(path.read_bytes(), objects)


def read_npz(path: Path) -> dict[str, np.ndarray | Unread]:
    """Reads the arrays of an archive by their names.

    Raises:
        PieError: the file cannot be read, is damaged, would unpack to more memory than
            a file of its size may take, or holds no array of real numbers.
    """
    with reading.explained(path, _problem(".npz")):
        reading.check_ordinary(path)
        allowance = Allowance(str(path), path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            found = {
                entry.filename.removesuffix(".npy"): _entry(archive, entry, allowance)
                for entry in archive.infolist()
            }
        whys = [x.why for x in found.values() if isinstance(x, Unread)]
        if len(whys) == len(found):
            raise ValueError(whys[0] if whys else "it is empty")
        return found


def _entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, allowance: Allowance
) -> np.ndarray | Unread:
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"{entry.filename} is encrypted; save it without a password")
    if entry.compress_type not in _PACKED:
        raise ValueError(f"{entry.filename} is compressed in another way than NumPy's")
    allowance.take(entry.file_size)
    with archive.open(entry) as stream:
        # Without a limit zipfile unpacks all, and then cuts it to the size that is told.
        content = stream.read(entry.file_size + 1)
    try:
        return _array(content)
    except _OtherType as error:
        return Unread(str(error))


def _problem(kind: str) -> str:
    return f"is not a readable {kind} file of real numbers"


class _OtherType(ValueError):
    """It is something else than an array of real numbers."""


def _array(data: bytes, objects: Callable[[bytes], Any] | None = None) -> Any:
    if not data.startswith(np.lib.format.MAGIC_PREFIX):
        raise _OtherType("it is no array of NumPy's")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"its version is {version}")
    shape, fortran, dtype = _HEADERS[version](stream)
    if dtype.hasobject and objects:
        return objects(stream.read())
    if dtype.kind not in "fiu":
        raise _OtherType(f"its type is {dtype}")
    content = memoryview(data)[stream.tell() :]
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes for {dtype} of shape {shape}")
    return np.ndarray(shape, dtype, content, order="F" if fortran else "C")
