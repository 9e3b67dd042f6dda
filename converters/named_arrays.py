"""Arrays of a file by name, compared with the shapes that they should have."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pie_jax.core.errors import PieError

Shape = tuple[int | None, ...]
"""Of an array; None stands for any length of at least 1."""


def numbers(
    found: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    file: str,
    ignored: tuple[str, ...] = (),
) -> dict[str, np.ndarray]:
    """Picks arrays of numbers, or says everything that is in the way.

    Args:
        found: what the file holds, by name.
        shapes: what is needed of it.
        file: what the error calls the file.
        ignored: beginnings of names that are of no use to us.

    Returns:
        Arrays of floats or integers by name.

    Raises:
        PieError: one for all names that are missing, surplus, misshapen, or not finite.
    """
    problems = [
        f"missing: {name} {_written(shape)}"
        for name, shape in shapes.items()
        if name not in found
    ]
    problems += [
        f"surplus: {name}"
        for name in found
        if name not in shapes and not name.startswith(ignored)
    ]
    for name in shapes.keys() & found.keys():
        problems += _misfit(name, found[name], shapes[name])
    if problems:
        raise PieError(
            f"{file} does not hold the face model as it is published:\n  "
            + "\n  ".join(sorted(problems))
        )
    return {name: found[name] for name in shapes}


def indices(
    array: np.ndarray, count: int, name: str, file: str, first: int = 0
) -> np.ndarray:
    """Zero-based int32 indices of `count` things, from an array of whole numbers.

    Args:
        array: of any shape and type.
        count: how many things there are.
        name: what the error calls the array.
        file: what the error calls the file.
        first: the number of the first thing.

    Raises:
        PieError: a number is not whole, or is none of a thing.
    """
    within = (array >= first) & (array < first + count)
    if not np.all(within & (np.floor(array) == array)):
        raise PieError(
            f"{file} is damaged: {name} should be whole numbers from {first} to "
            f"{first + count - 1}."
        )
    return array.astype(np.int32) - np.int32(first)


def _misfit(name: str, array: Any, shape: Shape) -> list[str]:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        return [f"misshapen: {name}: {_written(shape)} expected, no numbers found"]
    fits = len(array.shape) == len(shape) and all(
        want in (None, have) and have > 0
        for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        found = f"{array.dtype} {list(array.shape)} found"
        return [f"misshapen: {name}: {_written(shape)} expected, {found}"]
    return [] if np.isfinite(array).all() else [f"not finite: {name}"]


def _written(shape: Shape) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
