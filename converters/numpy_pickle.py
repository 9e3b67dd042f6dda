"""The arrays of a pickle that NumPy wrote, for `restricted_pickle.build`."""

import codecs
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from pie_jax.converters.restricted_pickle import Call, Name

_MAX_AXES = 32
_NUMBERS = re.compile("[fiu][1248]|b1")


def _dtype(call: Call) -> np.dtype:
    kind = call.args[0]
    if not isinstance(kind, str) or not _NUMBERS.fullmatch(kind):
        raise ValueError(f"a dtype {kind!r}, which is no plain number")
    order = call.state[1] if call.state else "|"
    if order not in ("<", ">", "|", "="):
        raise ValueError(f"a byte order {order!r}")
    return np.dtype(order + kind)


def _array(call: Call) -> Any:
    array_class, *_ = call.args
    if not isinstance(array_class, Name) or array_class.name != "numpy.ndarray":
        raise ValueError("an array of another class than numpy.ndarray")
    _, shape, dtype, fortran, content = call.state
    if isinstance(content, list):
        return _objects(content, shape)
    return _from_bytes(content, dtype, shape, "F" if fortran else "C")


def _objects(content: list, shape: Any) -> Any:
    """An array of anything as a list; the thing itself where there are no axes, as
    `numpy.save` has what is no array."""
    if len(content) != count(shape):
        raise ValueError(f"{len(content)} objects for an array of shape {shape}")
    return content if shape else content[0]


def count(shape: Any, what: str = "a shape") -> int:
    """The product of lengths in a file, called `what`; ValueError if they are none."""
    lengths = isinstance(shape, tuple | list) and len(shape) <= _MAX_AXES
    if not lengths or not all(isinstance(n, int) and 0 <= n < 2**63 for n in shape):
        raise ValueError(f"{what} of {shape}")
    return math.prod(shape)


def _from_buffer(call: Call) -> np.ndarray:
    return _from_bytes(*call.args)


def _from_bytes(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    if not isinstance(dtype, np.dtype) or not isinstance(content, bytes | bytearray):
        raise TypeError("an array without dtype or content")
    if len(content) != count(shape) * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _scalar(call: Call) -> np.ndarray:
    dtype, content = call.args
    return _from_bytes(content, dtype, (), "C")


def _bytes(call: Call) -> bytes:
    """`_codecs.encode(text, "latin1")`, which is how older pickles spell bytes."""
    text, encoding = call.args
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError(f"an encoding {encoding!r}")
    return codecs.latin_1_encode(text)[0]


def _no_bytes(call: Call) -> bytes:
    """`bytes()`, which is how they spell none."""
    if call.args:
        raise ValueError("bytes made of something")
    return b""


MAKERS: dict[str, Callable[[Call], Any]] = {
    "_codecs.encode": _bytes,
    "__builtin__.bytes": _no_bytes,
}
for _core in ("numpy.core", "numpy._core"):
    MAKERS[f"{_core}.multiarray._reconstruct"] = _array
    MAKERS[f"{_core}.multiarray.scalar"] = _scalar
    MAKERS[f"{_core}.numeric._frombuffer"] = _from_buffer
MAKERS["numpy.dtype"] = _dtype
