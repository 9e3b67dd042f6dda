"""A portrait's own rig (`networks.own_rig`) in its folder, beside its code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors
from absl import logging

from pie_jax.io import arrays, atomic

FILE = "own_rig.safetensors"

_KEY = "belongs_to"


def key(w_plus: np.ndarray, change: Any, rig: Any) -> str:
    """Tells what an own rig belongs to: a code, what its generator was changed by, and
    the rig's parameters."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((w_plus, change, rig)):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()


def write(folder: Path, own: Mapping[str, np.ndarray], key: str) -> None:
    """Keeps an own rig, 16 bits a number, all or nothing.

    Raises:
        PieError: the disk is full or the folder is not writable.
    """
    content = arrays.encode(
        {k: x.astype(np.float16) for k, x in own.items()}, {_KEY: key}
    )
    with atomic.explained(folder / FILE), atomic.replacing(folder / FILE) as file:
        file.write(content)


def read(folder: Path, key: str, num_ws: int) -> dict[str, np.ndarray] | None:
    """What `write` kept; None if there is none, or only that of another code or rig.

    A damaged file is told of, and taken for none: all that is lost is some likeness of
    edits that are not refined.
    """
    try:
        found = arrays.read(folder / FILE)
        if found.metadata.get(_KEY) != key:
            return None
        own = {k: np.asarray(x, np.float32) for k, x in found.flat.items()}
        if _shapes(own) != [("added", (num_ws, 512)), ("towards", (3,))]:
            raise ValueError("it holds something else")
        if not found.is_intact():
            raise ValueError("its arrays are not those that were written")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        logging.warning(
            "%s is damaged, and left out (%s); `pie embed` with the same photograph makes "
            "it again",
            folder / FILE,
            error,
        )
        return None
    return own


def _shapes(own: Mapping[str, np.ndarray]) -> list[tuple[str, tuple[int, ...]]]:
    """By name without the first axis, if that is the same of all."""
    same = len({x.shape[:1] for x in own.values()}) == 1
    return sorted((k, x.shape[1:]) for k, x in own.items()) if same else []
