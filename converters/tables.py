"""A published layout as a table: from names and shapes in a file to parameters."""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from pie_jax.converters import named_arrays
from pie_jax.core.errors import PieError


def unchanged(array: np.ndarray) -> np.ndarray:
    """The transform of what is stored as we need it."""
    return array


class Entry(NamedTuple):
    """Where a parameter comes from.

    Attributes:
        source: its name in the file.
        shape: its shape there.
        transform: makes the parameter of it.
    """

    source: str
    shape: tuple[int, ...]
    transform: Callable[[np.ndarray], np.ndarray] = unchanged


class Layout(NamedTuple):
    """All that a file has to hold.

    Attributes:
        parameters: where each comes from, by `/`-joined linen name.
        constants: what the network is built on and the file repeats, by name there.
        ignored: whether a name in the file is of no use to us.
        options: how the network is built, by the file's own name of each option; with
            another value the same arrays would give another picture.
    """

    parameters: dict[str, Entry]
    constants: Mapping[str, np.ndarray] = {}
    ignored: Callable[[str], bool] = lambda name: False
    options: Mapping[str, Any] = {}


def convert(
    arrays: Mapping[str, Any],
    layout: Layout,
    file: str,
    options: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Makes the parameters, or says everything that is in the way.

    Args:
        arrays: the file's arrays by name.
        layout: what they should be.
        file: what the error calls the file.
        options: what the file says of how its network is built; an option that it does
            not mention has the published value.

    Returns:
        float32 arrays by `/`-joined linen name.

    Raises:
        PieError: one for all names that are missing, surplus, misshapen, not finite, or
            of another value than the network is built on.
    """
    shapes = {name: shape for name, shape, _ in layout.parameters.values()}
    shapes |= {name: value.shape for name, value in layout.constants.items()}
    problems = [
        *named_arrays.misfits(arrays, shapes, layout.ignored, kinds="f"),
        *_other_values(arrays, layout),
        *_other_options(options or {}, layout),
    ]
    if problems:
        raise PieError(
            f"{file} does not hold the network as it is published:"
            + named_arrays.listed(problems)
        )
    return {
        name: np.array(
            entry.transform(arrays[entry.source].astype(np.float32)), np.float32
        )
        for name, entry in layout.parameters.items()
    }


def _other_values(arrays: Mapping[str, Any], layout: Layout) -> list[str]:
    return [
        f"other values: {name}: {value.ravel()[:4]}... expected"
        for name, value in layout.constants.items()
        if named_arrays.shape_of(arrays.get(name)) == value.shape
        and not np.allclose(arrays[name], value, rtol=1e-3)
    ]


def _other_options(options: Mapping[str, Any], layout: Layout) -> list[str]:
    return [
        f"built otherwise: {name} is {reprlib.repr(options[name])}, only {value!r} is "
        "supported"
        for name, value in layout.options.items()
        if name in options and not np.array_equal(options[name], value)
    ]
