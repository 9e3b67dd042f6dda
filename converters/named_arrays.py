"""Arrays of a file by name, compared with the shapes that they should have."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pie_jax.converters.restricted_pickle import Refused

from pie_jax.core.errors import PieError, shown

_MOST = 999
"""Lines of an error."""

Shape = tuple[int | None, ...]
"""Of an array; None stands for any length of at least 1."""


def numbers(
    found: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    file: str,
    ignored: tuple[str, ...] = (),
) -> dict[str, np.ndarray]:
    """Picks arrays of numbers of these shapes, or says everything that is in the way.

    `ignored` are beginnings of names that are of no use to us.

    Raises:
        PieError: one for all names that are missing, surplus, misshapen, or not finite.
    """
    problems = misfits(found, shapes, lambda name: name.startswith(ignored))
    if problems:
        raise PieError(
            f"{file} does not hold the face model as it is published:"
            + listed(problems)
        )
    return {name: found[name] for name in shapes}


def misfits(
    found: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    ignored: Callable[[str], bool],
    kinds: str = "fiu",
) -> list[str]:
    """What is missing, surplus, misshapen or not finite, one line for each.

    Args:
        found: what the file holds, by name.
        shapes: what is needed of it.
        ignored: whether a name is of no use to us.
        kinds: NumPy's letters of the types that an array may have.
    """
    problems = [
        f"missing: {name} {_written(shape)}"
        for name, shape in shapes.items()
        if name not in found
    ]
    for name, value in found.items():
        if name in shapes:
            problems += _misfit(name, value, shapes[name], kinds)
        elif not (isinstance(name, str) and ignored(name)):
            problems.append(f"surplus: {name}: {_kind(value)}")
    return sorted(problems)


def listed(problems: list[str]) -> str:
    """The lines of an error, as many as can be read."""
    lines = [shown(problem) for problem in problems[:_MOST]]
    more = [f"and {len(problems) - _MOST} more"] * (len(problems) > _MOST)
    return "".join(f"\n  {line}" for line in lines + more)


def shape_of(value: Any) -> tuple[int, ...]:
    """An array's shape; `()` of anything else, whatever a file has in its place."""
    return value.shape if isinstance(value, np.ndarray) else ()


def indices(
    array: np.ndarray, count: int, name: str, file: str, first: int = 0
) -> np.ndarray:
    """Zero-based int32 indices of `count` things, numbered from `first`, from an array
    of any shape and type.

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


def size_of(value: Any) -> int:
    """How many elements an array has; 0 of anything else."""
    return value.size if isinstance(value, np.ndarray) else 0


def _misfit(name: str, value: Any, shape: Shape, kinds: str) -> list[str]:
    have = shape_of(value)
    fits = len(have) == len(shape) and all(
        length > 0 and want in (None, length)
        for length, want in zip(have, shape, strict=True)
    )
    if not fits or getattr(value, "dtype", np.dtype("O")).kind not in kinds:
        return [f"misshapen: {name}: {_written(shape)} expected, {_kind(value)} found"]
    return [] if np.isfinite(value).all() else [f"not finite: {name}"]


def _kind(value: Any) -> str:
    if isinstance(value, Refused):
        return repr(value)
    if not isinstance(value, np.ndarray):
        return f"a {type(value).__name__}"
    return f"{value.dtype} {list(value.shape)}"


def _written(shape: Shape) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
