"""Reads MATLAB's .mat files without MATLAB.

Numbers become arrays of MATLAB's shape, texts become `str`, cells become lists (in
column-major order), structures become dictionaries, and arrays of structures lists of
such. Whatever else a file holds (objects, functions, sparse or complex arrays) becomes
None; nothing of it is run.
"""

from typing import Any

from pie_jax.converters.user_file import UserFile

from pie_jax.converters import hdf5_file, matlab5, matlab73

_HDF5_AT = 512


def is_matlab(data: bytes) -> bool:
    """Whether bytes begin a file that `read` can read."""
    return data.startswith(b"MATLAB ")


def read(file: UserFile) -> dict[str, Any]:
    """The variables by name.

    Raises:
        PieError: the file is damaged or truncated, is no MATLAB file of version 5 or
            7.3, or claims more memory than it can fill; h5py is not installed, which
            version 7.3 needs.
    """
    if file.data[_HDF5_AT:].startswith(hdf5_file.SIGNATURE):
        return matlab73.read(file)
    return matlab5.read(file)
