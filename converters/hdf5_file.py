"""Reads plain arrays of numbers from HDF5 files, and nothing that lies outside them.

The format itself is left to h5py. What it would follow or make for a hostile file is
refused here: links and arrays that refer to other files, arrays of objects, and arrays
larger than the file can hold.
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pie_jax.converters.user_file import UserFile

from pie_jax.core.errors import PieError
from pie_jax.io import reading

COST = 1000
"""Bytes for which one of a file's things is looked at: it takes longer than it has."""
_CHUNK = 4000
"""Bytes that HDF5 needs to know of a chunk of a dataset, even of one that is not there."""

SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5:
    """An open file.

    Attributes:
        root: its h5py group, in which other groups are found by `member`.
        allowance: the memory that its content may take.
    """

    def __init__(self, root: Any, file: UserFile):
        self.root = root
        self._file = file.name
        self.allowance = file.allowance()
        self._h5py = _h5py()

    def member(self, group: Any, path: str) -> Any:
        """The group or dataset of this path in a group.

        Raises:
            KeyError: there is none.
            PieError: the way to it is a link by name, perhaps into another file.
        """
        for name in path.strip("/").split("/"):
            self.allowance.take(COST)
            if not isinstance(group, self._h5py.Group):
                raise KeyError(path)
            link = group.get(name, getlink=True)
            if link is None:
                raise KeyError(path)
            if not isinstance(link, self._h5py.HardLink):
                raise self._refusal(f"{path} is a link")
            group = group[name]
        return group

    def array(self, dataset: Any) -> np.ndarray:
        """A dataset of numbers as it lies there.

        Raises:
            PieError: it is something else, lies elsewhere, or is larger than the file
                can hold.
        """
        if not isinstance(dataset, self._h5py.Dataset):
            raise self._refusal("it has a group where an array belongs")
        if dataset.dtype.kind not in "fiub":
            raise self._refusal(f"{dataset.name} is an array of {dataset.dtype}")
        if dataset.is_virtual or dataset.external:
            raise self._refusal(f"{dataset.name} lies in another file")
        self._take(dataset)
        return np.asarray(dataset[()])

    def references(self, dataset: Any) -> list[Any] | None:
        """What a dataset of references refers to; None for any other dataset."""
        if self._h5py.check_ref_dtype(dataset.dtype) is not self._h5py.Reference:
            return None
        self._take(dataset)
        return [self.root[reference] for reference in dataset[()].ravel()]

    def texts(self, item: Any, attribute: str) -> list[str]:
        """A text or vector of texts, as an attribute has them.

        Raises:
            KeyError: there is no such attribute.
            PieError: it is something else.
        """
        kind = item.attrs.get_id(attribute)
        self.allowance.take(math.prod(kind.shape) * kind.dtype.itemsize)
        if kind.dtype.kind != "S" or len(kind.shape) > 1:
            raise self._refusal(f"its {attribute} are not texts of a fixed length")
        return [text.decode() for text in np.ravel(item.attrs[attribute])]

    def _take(self, dataset: Any) -> None:
        """What it takes to read a dataset, whose chunks may be larger than itself, or
        nearly as many as its elements."""
        chunks = dataset.chunks or ()
        self.allowance.check(math.prod(chunks) * dataset.dtype.itemsize)
        self.allowance.take(dataset.nbytes)
        if chunks:
            counts = (-(-n // m) for n, m in zip(dataset.shape, chunks, strict=True))
            self.allowance.take(math.prod(counts) * _CHUNK)

    def _refusal(self, problem: str) -> PieError:
        return PieError(
            f"{self._file} is refused: {problem}, which a file of weights does not "
            "need. Get it from its publisher."
        )


@contextmanager
def opened(file: UserFile) -> Iterator[Hdf5]:
    """Opens a file while the block runs, and explains what goes wrong there.

    Raises:
        PieError: h5py is not installed; the file is damaged or truncated, or lacks
            something that the block looked for.
    """
    h5py = _h5py()
    content = io.BytesIO(file.data)
    with reading.explained(file.name), h5py.File(content, "r") as root:
        yield Hdf5(root, file)


def _h5py() -> Any:
    # Imported here because only who converts such files needs it.
    try:
        import h5py
    except ImportError as error:
        raise PieError(
            "Files of Keras, and of MATLAB 7.3, are HDF5, which needs h5py. Install "
            "the extra `convert`; in the checkout: python -m pip install '.[convert]'"
        ) from error
    return h5py
