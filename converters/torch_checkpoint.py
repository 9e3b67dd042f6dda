"""Reads PyTorch's .pt and .pth files without PyTorch.

Two containers hold the same thing, a pickle whose tensors are views of storages that
lie outside it. Since version 1.6 it is an uncompressed ZIP archive with one entry for
the pickle and one for each storage; before, pickles and storages follow one another.
Layouts: PyTorch's `torch/serialization.py` and `torch/_utils.py`, and published files.
"""

import io
import zipfile
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.restricted_pickle import Call, External, Name, Refused

from pie_jax.converters import numpy_pickle, restricted_pickle
from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.io.allowance import GROWTH, Allowance

_DTYPES = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "|i1",
    "torch.ByteStorage": "|u1",
    "torch.BoolStorage": "|b1",
    "torch.BFloat16Storage": "<u2",
    # Of these nothing is made, but the older form tells where the next one begins.
    "torch.ComplexFloatStorage": "V8",
    "torch.ComplexDoubleStorage": "V16",
    "torch.QInt8Storage": "V1",
    "torch.QUInt8Storage": "V1",
    "torch.QInt32Storage": "V4",
}
_HALVED = "torch.BFloat16Storage"
"""Its numbers are the upper halves of those in single precision."""
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PROTOCOL = 1001
_COUNT = 8
"""Bytes before a storage that tell how many elements it has."""
_REPEATED = 2**14
"""Elements that strides of zero may make of any storage."""

Skip = Collection[str] | Callable[[Collection[Any]], Collection[str]]
"""Keys that are not wanted, or what tells them from all that are there."""


class _Storage(NamedTuple):
    """A storage as a pickle refers to it."""

    key: str
    name: str
    size: int

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(_DTYPES[self.name])


def is_checkpoint(data: bytes) -> bool:
    """Whether bytes, or the first of them, begin a file that `read` can read."""
    return data.startswith((b"PK\x03\x04", _LEGACY_START))


def read(data: bytes, file: str, skip: Skip = ()) -> Any:
    """Reads a checkpoint, but for what the outermost dictionary has under keys in
    `skip`.

    Returns:
        dictionaries, lists and numbers as they were saved; tensors are arrays, views of
        `data` where that is possible. What is neither is refused when it is taken.

    Raises:
        PieError: the file is damaged or truncated, claims more memory than it can
            fill, or holds neither tensors nor plain containers.
    """
    if not is_checkpoint(data):
        raise PieError(
            f"{file} is no PyTorch file: neither its ZIP archive nor the older form."
        )
    reader = _read_zip if data.startswith(b"PK") else _read_legacy
    with reading.explained(file):
        return reader(data, file, skip)


def _read_zip(data: bytes, file: str, skip: Skip) -> Any:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _refuse_bombs(archive, len(data), file)
        names = set(archive.namelist())
        pickles = [name for name in names if name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise PieError(f"{file} is no PyTorch file: its ZIP has no one data.pkl.")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in names:
            order = archive.read(f"{root}byteorder")
            if order != b"little":
                raise PieError(f"{file} cannot be read: its byte order is {order!r}.")
        pickle = restricted_pickle.read(archive.read(pickles[0]), file)

        def contents(storage: _Storage) -> bytes:
            entry = f"{root}data/{storage.key}"
            if entry not in names:
                raise PieError(f"{file} is damaged: it lacks the entry {entry}.")
            return archive.read(entry)

        return _build(pickle.content, contents, Allowance(file, len(data)), skip)


def _refuse_bombs(archive: zipfile.ZipFile, size: int, file: str) -> None:
    """Nothing in the archive may become larger than the file that holds it."""
    entries = archive.infolist()
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise PieError(
                f"{file} is refused: its entry {entry.filename} is compressed or "
                "encrypted, which PyTorch never does."
            )
    total = sum(entry.file_size for entry in entries)
    if total > size:
        raise PieError(
            f"{file} is refused: its entries claim {total} bytes, it has {size}."
        )


def _read_legacy(data: bytes, file: str, skip: Skip) -> Any:
    stream = io.BytesIO(data)

    def next_pickle() -> restricted_pickle.Pickle:
        return restricted_pickle.read(stream, file)

    magic, protocol, system = (next_pickle().content for _ in range(3))
    if (magic, protocol) != (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
        raise PieError(f"{file} is no PyTorch file of protocol {_LEGACY_PROTOCOL}.")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise PieError(f"{file} cannot be read: it was written on another kind of CPU.")
    pickle = next_pickle()
    keys = next_pickle().content
    referred = [_storage(external, file) for external in pickle.externals]
    storages = memoryview(data)[stream.tell() :]
    sizes = _legacy_sizes(referred, len(storages), file)
    contents = _legacy_storages(storages, keys, sizes, file)
    allowance = Allowance(file, len(data))
    return _build(pickle.content, lambda x: contents[x.key], allowance, skip)


def _legacy_sizes(storages: list[_Storage], length: int, file: str) -> dict[str, int]:
    """Bytes of an element of each storage. Those of a class that is not known share what
    the others leave of all bytes; `Refused` where there are two such classes."""
    known = {x.key: x.dtype.itemsize for x in storages if x.name in _DTYPES}
    counts = {x.key: x.size for x in storages}
    others = {x.key: x.name for x in storages if x.key not in known}
    if not others:
        return known
    left = length - sum(_COUNT + counts[key] * known.get(key, 0) for key in counts)
    shared = sum(counts[key] for key in others)
    if len({*others.values()}) > 1 or left < 0 or shared <= 0 or left % shared:
        raise Refused(next(iter(others.values()))).error(file)
    return known | dict.fromkeys(others, left // shared)


def _legacy_storages(
    data: memoryview, keys: Any, sizes: dict[str, int], file: str
) -> dict[str, memoryview]:
    """The memory of each storage: a count and its elements, in the order of `keys`."""
    plain = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not plain or {*keys} != sizes.keys():
        raise PieError(
            f"{file} is damaged: its storages are not those that its tensors need."
        )
    contents, offset = {}, 0
    for key in keys:
        begin = offset + _COUNT
        count = int.from_bytes(data[offset:begin], "little", signed=True)
        offset = begin + count * sizes[key]
        if count < 0 or offset > len(data):
            raise PieError(f"{file} is truncated: the storage {key} is not whole.")
        contents[key] = data[begin:offset]
    return contents


def _build(
    content: Any,
    contents: Callable[[_Storage], Any],
    allowance: Allowance,
    skip: Skip,
) -> Any:
    arrays: dict[str, np.ndarray] = {}
    file = allowance.file

    def external(identifier: Any) -> np.ndarray | Refused:
        storage = _storage(External(identifier), file)
        if storage.name not in _DTYPES:
            return Refused(storage.name)
        if storage.key not in arrays:
            memory = contents(storage)
            if len(memory) != storage.size * storage.dtype.itemsize:
                raise PieError(
                    f"{file} is damaged: the storage {storage.key} has {len(memory)} "
                    f"bytes, {storage.size} elements of {storage.dtype} were expected."
                )
            array = np.frombuffer(memory, storage.dtype)
            if storage.name == _HALVED:
                array = (array.astype("<u4") << 16).view("<f4")
            arrays[storage.key] = array
        return arrays[storage.key]

    if isinstance(content, Call) and content.name == "collections.OrderedDict":
        content = dict(content.items) if not content.args else content
    if isinstance(content, dict):
        unwanted = skip(content.keys()) if callable(skip) else skip
        content = {key: item for key, item in content.items() if key not in unwanted}
    return restricted_pickle.build(content, MAKERS, allowance, external)


def _storage(external: External, file: str) -> _Storage:
    """Reads `("storage", class, key, device, number of elements)`.

    The older form adds a view of another storage, which no file for us has.
    """
    identifier = external.identifier
    if isinstance(identifier, tuple) and len(identifier) in (5, 6):
        kind, storage_class, key, _, size, *view = identifier
        known = kind == "storage" and isinstance(storage_class, Name)
        plain = isinstance(key, str) and isinstance(size, int) and view in ([], [None])
        if known and plain:
            return _Storage(key, storage_class.name, size)
    raise PieError(f"{file} is refused: it refers to something that is no storage.")


def _tensor(call: Call) -> np.ndarray:
    storage, offset, shape, strides, *_ = call.args
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        raise ValueError("a tensor of what is no storage")
    if not storage.flags.c_contiguous:  # a tensor, which ends earlier than it says
        raise ValueError("a tensor of what is no storage")
    size = numpy_pickle.count(shape)
    numpy_pickle.count([offset, *strides], "strides")
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if size and last >= storage.size:
        raise ValueError(f"a tensor that ends beyond its {storage.size} elements")
    if size > max(_REPEATED, GROWTH * storage.size):
        raise ValueError(f"{size} elements in a tensor that has {storage.size}")
    return np.lib.stride_tricks.as_strided(
        storage[offset:],
        shape,
        [step * storage.itemsize for step in strides],
        writeable=False,
    )


MAKERS: dict[str, Callable[[Call], Any]] = {
    **restricted_pickle.CONTAINERS,
    **numpy_pickle.MAKERS,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda call: call.args[0],
}
