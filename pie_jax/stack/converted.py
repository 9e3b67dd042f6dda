"""Converted networks in files that the user keeps, and names in a configuration.

Their header says of which kind they are, so that one cannot be taken for another.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.core.errors import PieError, shown
from pie_jax.io import arrays, atomic, reading

KIND = "kind"
"""Where the header says which kind of file was converted."""


def save(
    path: Path, flat: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes arrays under `/`-joined names, all or nothing, with text that has the
    `kind`.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
    """
    with atomic.writing(path) as file:
        file.write(arrays.encode(flat, metadata))


def load(path: Path, kind: str) -> dict[str, Any]:
    """Reads a file of one kind: nested dicts of arrays.

    Raises:
        PieError: it is absent, damaged, of another kind, or was not written by `save`.
    """
    found = metadata(path).get(KIND)
    if found != kind:
        what = (
            f"was converted as {shown(found)}" if found else "is not of `pie convert`"
        )
        raise PieError(
            f"{path} {what}; a file of the kind {kind} is needed here. Give the "
            "network that belongs to a file too, as in --config.generator=stylegan2"
        )
    with _explained(path):
        return arrays.read(path).nested()


def metadata(path: Path) -> dict[str, str]:
    """The header's text of a safetensors file, without reading its arrays.

    Raises:
        PieError: there is no such file, or it is no safetensors file, or truncated.
    """
    with _explained(path):
        return arrays.read_metadata(path)


def sha256(path: Path) -> str:
    """What identifies a file.

    Raises:
        PieError: it cannot be read.
    """
    with reading.explained(path):
        reading.check_ordinary(path)
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Says what keeps a file from being read."""
    remedy = "Make it again with `pie convert`."
    with reading.explained(path, "is no whole safetensors file", remedy):
        try:
            reading.check_ordinary(path)
            yield
        except FileNotFoundError as error:
            raise PieError(
                f"{path} is not there. Name a file that `pie convert` wrote."
            ) from error
