"""Reads MATLAB's .mat files of version 5, as MATLAB 5 to 7 write them.

A header of 128 bytes, then data elements: a type, a size and as many bytes. An array is
an element of elements. An element may be compressed, and if its data fill no more than
four bytes they stand in the place of the size. Layout: The MathWorks' "MAT-File Format".

`scipy.io.loadmat` is not used because it believes what a file says of its sizes: 184
bytes made version 1.17 take 3 GB for 16 seconds, 200 others ended the process.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.user_file import UserFile

from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.io.allowance import Allowance

_HEADER = 128
_ORDERS = {b"IM": "<", b"MI": ">"}
_VERSION = 0x0100
_MAX_DEPTH = 32
_MAX_AXES = 32
_COST = 300
"""Bytes that Python needs for the smallest of arrays, about."""

_STORED = dict(enumerate(("i1", "u1", "i2", "u2", "i4", "u4", "f4"), 1))
_STORED |= {9: "f8", 12: "i8", 13: "u8"}
"""How numbers are stored, by an element's type; often in less room than they have."""
_MATRIX, _COMPRESSED = 14, 15
_ENCODINGS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}

_CELL, _STRUCT, _CHAR, _OPAQUE = 1, 2, 4, 17
_NUMBERS = dict(
    enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), 6)
)
"""What numbers are, by an array's class."""
_COMPLEX = 0x800


class _Element(NamedTuple):
    kind: int
    data: memoryview


def read(file: UserFile) -> dict[str, Any]:
    """The variables by name, as `matlab_file` has them; `PieError` as there."""
    order = _ORDERS.get(file.data[_HEADER - 2 : _HEADER])
    if order is None or _version(file.data, order) != _VERSION:
        raise PieError(f"{file.name} is no MATLAB file of version 5 or 7.3.")
    reader = _Reader(order, file.allowance())
    with reading.explained(file.name):
        content = memoryview(file.data)[_HEADER:]
        return dict(map(reader.variable, reader.elements(content)))


def _version(data: bytes, order: str) -> int:
    return struct.unpack_from(f"{order}H", data, _HEADER - 4)[0]


class _Reader:
    """Knows the order of bytes, and what memory is left."""

    def __init__(self, order: str, allowance: Allowance):
        self._order = order
        self._allowance = allowance

    def elements(self, data: memoryview) -> Iterator[_Element]:
        """Splits data into elements."""
        offset = 0
        while offset < len(data):
            kind, size = struct.unpack_from(f"{self._order}II", data, offset)
            begin = offset + 8
            if kind >> 16:  # the small form: 16 bits for the size, 16 for the type
                kind, size, begin = kind & 0xFFFF, kind >> 16, offset + 4
            element = _Element(kind, data[begin : begin + size])
            if len(element.data) < size:
                raise ValueError(f"{size} bytes expected, {len(element.data)} there")
            yield element
            # All but compressed elements end at a multiple of 8.
            padding = 0 if kind == _COMPRESSED else -size % 8
            offset += 8 if begin < offset + 8 else 8 + size + padding

    def variable(self, element: _Element) -> tuple[str, Any]:
        """A variable's name and value."""
        if element.kind == _COMPRESSED:
            element = self._decompressed(element.data)
        if element.kind != _MATRIX:
            raise ValueError(
                f"an element of type {element.kind} where an array belongs"
            )
        return self._matrix(element.data, 0)

    def _decompressed(self, data: memoryview) -> _Element:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(data, self._allowance.left + 1)
        self._allowance.take(len(content))
        if not unpacker.eof:
            raise ValueError("a compressed array that is not whole")
        return next(self.elements(memoryview(content)), _Element(0, data))

    def _matrix(self, data: memoryview, depth: int) -> tuple[str, Any]:
        self._allowance.take(_COST)
        if depth > _MAX_DEPTH:
            raise ValueError(f"cells and structures {_MAX_DEPTH} deep")
        if not data:  # how MATLAB writes an empty cell's content
            return "", np.zeros((0, 0))
        parts = self.elements(data)
        flags = int(self._integers(parts)[0])
        kind = flags & 0xFF
        if kind == _OPAQUE:
            return self._text(_next(parts)), None
        lengths = self._integers(parts)
        if len(lengths) > _MAX_AXES:
            raise ValueError(f"an array of {len(lengths)} axes")
        shape = tuple(map(int, lengths))
        if min(shape, default=-1) < 0:
            raise ValueError(f"an array of shape {shape}")
        name = self._text(_next(parts))
        if kind in _NUMBERS and not flags & _COMPLEX:
            return name, self._array(_next(parts), _NUMBERS[kind], shape)
        if kind == _CHAR:
            return name, self._text(_next(parts)) if math.prod(shape) else ""
        if kind == _CELL:
            count = math.prod(shape)
            return name, [self._inner(parts, depth) for _ in range(count)]
        if kind == _STRUCT:
            return name, self._structures(parts, math.prod(shape), depth)
        return name, None

    def _structures(
        self, parts: Iterator[_Element], count: int, depth: int
    ) -> dict[str, Any] | list[dict[str, Any]]:
        length = int(self._integers(parts)[0])
        joined = _next(parts).data.tobytes()
        names = [
            joined[i : i + length].split(b"\0")[0].decode()
            for i in range(0, len(joined), length)
        ]
        if not names:  # which would make structures out of nothing
            return {}
        made = [
            {name: self._inner(parts, depth) for name in names} for _ in range(count)
        ]
        return made[0] if count == 1 else made

    def _inner(self, parts: Iterator[_Element], depth: int) -> Any:
        element = _next(parts)
        if element.kind != _MATRIX:
            raise ValueError(f"an element of type {element.kind} inside an array")
        return self._matrix(element.data, depth + 1)[1]

    def _array(self, element: _Element, dtype: str, shape: tuple[int, ...]) -> Any:
        stored = np.frombuffer(element.data, self._order + _STORED[element.kind])
        if stored.size != math.prod(shape):
            raise ValueError(f"{stored.size} numbers for an array of shape {shape}")
        if stored.dtype != np.dtype(self._order + dtype):
            self._allowance.take(stored.size * np.dtype(dtype).itemsize)
            stored = stored.astype(dtype)
        return stored.reshape(shape, order="F")

    def _integers(self, parts: Iterator[_Element]) -> np.ndarray:
        element = _next(parts)
        return np.frombuffer(element.data, self._order + _STORED[element.kind])

    def _text(self, element: _Element) -> str:
        encoding = _ENCODINGS[element.kind]
        if encoding == "utf-16":
            encoding += "-le" if self._order == "<" else "-be"
        return element.data.tobytes().decode(encoding, errors="replace")


def _next(parts: Iterator[_Element]) -> _Element:
    element = next(parts, None)
    if element is None:
        raise ValueError("an array that is not whole")
    return element
