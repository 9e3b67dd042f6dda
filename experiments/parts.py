"""Functions that are called on some rows of arrays at a time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from tqdm import tqdm


def in_parts(call: Callable, *rows: Any, size: int = 25) -> Any:
    """What a function says of all rows, joined: a pytree of NumPy arrays `[S, ...]`.

    Args:
        call: takes as many pytrees, returns one, all with the same number of rows.
        rows: pytrees of arrays `[S, ...]`, S at least one.
        size: rows in a call; the last one may have fewer.
    """
    count = len(jax.tree.leaves(rows)[0])
    found = []
    for start in tqdm(range(0, count, size), unit="batch", leave=False):
        part = slice(start, start + size)
        taken = jax.tree.map(lambda x, part=part: x[part], rows)
        found.append(jax.tree.map(np.asarray, call(*taken)))
    return jax.tree.map(lambda *x: np.concatenate(x), *found)
