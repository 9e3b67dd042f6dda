"""Reads the primitives of dlib's serialisation.

Integers carry their own length, floats are a mantissa and an exponent written as such
integers, tensors are a shape and raw little-endian float32. Nothing here knows a
network. Layout: dlib's `serialize.h` and `tensor.h`, both by its documentation and by
reading published files to their last byte.
"""

import math

import numpy as np

from pie_jax.core.errors import PieError

_SPECIAL_EXPONENTS = {32000: math.inf, 32001: -math.inf, 32002: math.nan}
_MAX_INTEGER_BYTES = 8
_TENSOR_VERSION = 2
_ALIAS_TENSOR_VERSION = 1


class DlibReader:
    """A cursor over serialised bytes; each method consumes one value.

    Args:
        data: the whole file.
        name: what the errors call it.

    Every method raises `PieError` where the bytes do not hold the value asked for.
    """

    def __init__(self, data: bytes, name: str):
        self._data = data
        self._name = name
        self._offset = 0

    def error(self, problem: str) -> PieError:
        """The error to raise for `problem` at the place reached so far."""
        return PieError(
            f"{self._name} cannot be read as a dlib file: {problem} (byte "
            f"{self._offset} of {len(self._data)}). It is damaged or another file; "
            "fetch it again."
        )

    def raw(self, count: int) -> bytes:
        """The next `count` bytes as they are."""
        end = self._offset + count
        if end > len(self._data):
            raise self.error(f"{count} more bytes were expected, the file ends")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken

    def integer(self) -> int:
        """A signed integer of at most eight bytes."""
        control = self.raw(1)[0]
        size = control & 0x0F
        if control & 0x70 or not 1 <= size <= _MAX_INTEGER_BYTES:
            raise self.error(f"0x{control:02x} does not begin an integer")
        magnitude = int.from_bytes(self.raw(size), "little")
        return -magnitude if control & 0x80 else magnitude

    def count(self) -> int:
        """An integer that counts something, so it is not negative."""
        value = self.integer()
        if value < 0:
            raise self.error(f"a count was expected, {value} came")
        return value

    def expect(self, value: int, what: str) -> None:
        """Consumes an integer that has to be `value`."""
        found = self.integer()
        if found != value:
            raise self.error(f"{what} {value} was expected, {found} came")

    def boolean(self) -> bool:
        """A truth value, stored as the character 0 or 1."""
        character = self.raw(1)
        if character not in (b"0", b"1"):
            raise self.error(f"a truth value was expected, {character!r} came")
        return character == b"1"

    def string(self) -> str:
        """A string of single-byte characters."""
        return self.raw(self.count()).decode("latin-1")

    def floating(self) -> float:
        """A float or double."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in _SPECIAL_EXPONENTS:
            return _SPECIAL_EXPONENTS[exponent]
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise self.error(f"{mantissa} * 2^{exponent} is no double") from None

    def tensor(self) -> np.ndarray:
        """A float32 tensor `[samples, channels, rows, columns]`."""
        self.expect(_TENSOR_VERSION, "a tensor's version")
        shape = tuple(self.count() for _ in range(4))
        values = np.frombuffer(self.raw(4 * math.prod(shape)), "<f4")
        return values.astype(np.float32).reshape(shape)

    def alias_tensor(self) -> tuple[int, ...]:
        """The shape of a tensor that is a part of another one."""
        self.expect(_ALIAS_TENSOR_VERSION, "an alias tensor's version")
        return tuple(self.count() for _ in range(4))

    def finish(self) -> None:
        """Raises unless every byte was read."""
        surplus = len(self._data) - self._offset
        if surplus:
            raise self.error(f"{surplus} bytes are left after the end was expected")
