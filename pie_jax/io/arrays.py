"""Arrays under `/`-joined names in safetensors files: all parameters are kept so.

The header holds the SHA-256 of the arrays, so that damage can be told from a good file
without the network that they belong to, and any text beside it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from pie_jax.core.errors import PieError

_DIGEST = "arrays_sha256"
_DEEPEST = 30


class Arrays(NamedTuple):
    """What a file holds: arrays by name, and its header's text."""

    flat: dict[str, np.ndarray]
    metadata: dict[str, str]

    def nested(self) -> dict[str, Any]:
        """Nested dicts of the arrays, one level for each `/`."""
        return nest(self.flat)

    def single_precision(self) -> dict[str, Any]:
        """The same in float32: a network's parameters, however they are kept."""
        return nest({k: np.asarray(x, np.float32) for k, x in self.flat.items()})

    def is_intact(self) -> bool:
        """Whether the arrays are those that `encode` was given."""
        return self.metadata.get(_DIGEST) == _digest(self.flat)


def read(file: Path) -> Arrays:
    """Reads a file.

    Raises:
        OSError: it cannot be read.
        safetensors.SafetensorError: it is damaged.
    """
    with safetensors.safe_open(file, framework="numpy") as opened:
        keys = opened.keys()  # it is no mapping that one could iterate
        arrays = {key: opened.get_tensor(key) for key in keys}
        return Arrays(arrays, opened.metadata() or {})


def read_metadata(file: Path) -> dict[str, str]:
    """The header's text alone, which takes no time however large the file is.

    Raises:
        OSError: it cannot be read.
        safetensors.SafetensorError: it is damaged.
    """
    with safetensors.safe_open(file, framework="numpy") as opened:
        return opened.metadata() or {}


def encode(
    flat: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The content of a file, the same bytes for the same arrays and text: arrays under
    `/`-joined names, and text (source, licence, ...) for the header."""
    # safetensors writes the memory of a transposed view as it lies: make it lie right.
    arrays = {key: np.asarray(flat[key], order="C") for key in sorted(flat)}
    header = {**(metadata or {}), _DIGEST: _digest(arrays)}
    return _in_order(safetensors.numpy.save(arrays, metadata=header))


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays under `/`-joined names as nested dicts, one level for each `/`; ValueError
    where these are more than any network has."""
    if any(name.count("/") > _DEEPEST for name in flat):
        raise ValueError("a name of too many parts")
    return traverse_util.unflatten_dict(dict(flat), sep="/")


def check(params: Mapping, template: Mapping, name: str, remedy: str) -> None:
    """Compares loaded parameters with what the network expects, before any is used.

    Args:
        params: nested dicts of arrays.
        template: nested dicts of anything with `shape` and `dtype`, as `jax.eval_shape`
            of a module's `init` gives them.
        name: what the parameters are called in the error.
        remedy: the error's last line.

    Raises:
        PieError: one for all names that are missing, surplus, or of another shape or
            dtype.
    """
    found, expected = (
        traverse_util.flatten_dict(tree, sep="/") for tree in (params, template)
    )
    problems = [f"missing: {key}" for key in sorted(expected.keys() - found.keys())]
    problems += [f"surplus: {key}" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        want, have = _describe(expected[key]), _describe(found[key])
        if want != have:
            problems.append(f"misshapen: {key} is {have}, expected {want}")
    if problems:
        listed = "\n  ".join(problems)
        raise PieError(
            f"The weights {name} do not fit the network:\n  {listed}\n{remedy}"
        )


def _in_order(content: bytes) -> bytes:
    """The file with a sorted header: safetensors shuffles the text's entries."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(
        json.loads(content[8:end]), sort_keys=True, separators=(",", ":")
    ).encode()
    header = header.ljust(-(-len(header) // 8) * 8)  # the arrays stay aligned
    return len(header).to_bytes(8, "little") + header + content[end:]


def _describe(leaf: Any) -> str:
    shape = ", ".join(str(size) for size in np.shape(leaf))
    return f"{np.dtype(getattr(leaf, 'dtype', type(leaf)))} [{shape}]"


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.asarray(arrays[key], order="C")
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
