"""NumPy's .npy and .npz files of real numbers, read without trusting them.

Never a pickle, and nothing is allocated that the file itself does not hold.
"""

import io
import math
import tokenize
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pie_jax.core.errors import PieError

MAX_BYTES = 2**30
"""What the arrays of a compressed file may unpack to."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What NumPy and zipfile raise at the bytes of a file that is damaged or hostile.
_DAMAGES = (
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    OverflowError,
    NotImplementedError,  # zipfile: encrypted, or of a compression it does not know
    MemoryError,  # these four from a header that is no dictionary of three values
    RecursionError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
)


def read_npy(path: Path) -> np.ndarray:
    """Reads one array of real numbers.

    Raises:
        PieError: the file cannot be read, is damaged, or holds anything else.
    """
    with _explained(path, ".npy"):
        return _array(path.read_bytes())


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an archive by their names.

    Raises:
        PieError: as `read_npy`, or the arrays are larger than `MAX_BYTES` together.
    """
    with _explained(path, ".npz"), zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise ValueError(f"it would unpack to {size / 1e9:.1f} GB")
        return {
            name.removesuffix(".npy"): _array(archive.read(name))
            for name in archive.namelist()
        }


@contextmanager
def _explained(path: Path, kind: str) -> Iterator[None]:
    """Says what keeps a file from being read."""
    try:
        yield
    except OSError as error:
        raise PieError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGES as error:
        raise PieError(
            f"{path} is not a readable {kind} file of real numbers: {error}"
        ) from error


def _array(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"its version is {version}")
    shape, fortran, dtype = _HEADERS[version](stream)
    if dtype.kind not in "fiu":
        raise ValueError(f"its type is {dtype}")
    content = memoryview(data)[stream.tell() :]
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes for {dtype} of shape {shape}")
    return np.ndarray(shape, dtype, content, order="F" if fortran else "C")
