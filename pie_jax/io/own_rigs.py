"""A portrait's own rig (`networks.own_rig`) in its folder, beside its code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import logging

from pie_jax.core.errors import PieError
from pie_jax.io import arrays, atomic, reading

FILE = "own_rig.safetensors"

_KEY = "belongs_to"
_REMEDY = "`pie embed` with the same photograph makes it again."


def key(w_plus: np.ndarray, change: Any, rig: Any) -> str:
    """Tells what an own rig belongs to: a code, what its generator was changed by, and
    the rig's parameters."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((w_plus, change, rig)):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()


def write(folder: Path, own: Mapping[str, np.ndarray], key: str) -> None:
    """Keeps an own rig, all or nothing.

    Raises:
        PieError: the disk is full or the folder is not writable.
    """
    content = arrays.encode(own, {_KEY: key})
    with atomic.explained(folder / FILE), atomic.replacing(folder / FILE) as file:
        file.write(content)


def read(folder: Path, key: str, num_ws: int) -> dict[str, np.ndarray] | None:
    """What `write` kept, in float32; None if there is none, or that of another code or rig.

    A damaged file is told of, and taken for none: all that is lost is some likeness of
    edits that are not refined.
    """
    if not (folder / FILE).exists():
        return None
    try:
        with reading.explained(folder / FILE, "is damaged", _REMEDY):
            return _read(folder / FILE, key, num_ws)
    except PieError as error:
        logging.warning("left out: %s", error)
        return None


def _read(file: Path, key: str, num_ws: int) -> dict[str, np.ndarray] | None:
    reading.check_ordinary(file)
    found = arrays.read(file)
    if found.metadata.get(_KEY) != key:
        return None
    own = {k: np.asarray(x, np.float32) for k, x in found.flat.items()}
    if not found.is_intact() or not is_one(own, num_ws):
        raise ValueError("it holds something else")
    return own


def is_one(own: Mapping[str, np.ndarray], num_ws: int) -> bool:
    """Whether arrays are an own rig, and nothing but numbers comes of it."""
    count = len(own["towards"]) if np.ndim(own.get("towards", 0)) else 0
    shapes = {"towards": (count, 3), "added": (count, num_ws, 512)}
    if {k: x.shape for k, x in own.items()} != shapes:
        return False
    finite = all(np.isfinite(x).all() for x in own.values())
    return finite and bool(np.abs(own["towards"]).max(axis=-1, initial=0).all())
