"""What the arrays of a face model's file must be."""

from collections.abc import Mapping

import numpy as np

FLOATS = ("mean", "identity", "expression", "albedo_mean", "albedo")
INDICES = ("triangles", "contour", "inner")


def problems(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """All that keeps arrays from being a model; nothing for one.

    Args:
        arrays: as `morphable.from_arrays` takes them.

    Returns:
        Names that are missing or surplus, and wrong shapes; if there are none, indices
        of absent vertices, numbers that are not finite, a camera that sees nothing.
    """
    return _misfits(arrays) or _bad_contents(arrays)


def units(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The named units' codes `[U, 64]` float64 and names; none for a model without."""
    none = np.zeros((0, len(arrays["expression"])))
    text = np.asarray(arrays.get("unit_names", ()), np.uint8).tobytes().decode()
    codes = np.asarray(arrays.get("unit_codes", none), np.float64)
    return codes, tuple(text.splitlines())


def _misfits(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Names that are missing or surplus, and wrong shapes."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    count = (shapes.get("mean") or (0,))[0]
    codes = (shapes.get("expression") or (0,))[0]
    expected: dict[str, tuple[int | None, ...]] = {
        "mean": (None, 3),
        "triangles": (None, 3),
        "identity": (None, count, 3),
        "expression": (None, count, 3),
        "albedo_mean": (count, 3),
        "albedo": (None, count, 3),
        "contour": (17, None),
        "inner": (51,),
        "camera": (2,),
    }
    known = expected | {"unit_codes": (None, codes), "unit_names": (None,)}
    found = [f"missing: {name}" for name in sorted(expected.keys() - shapes.keys())]
    found += [f"surplus: {name}" for name in sorted(shapes.keys() - known.keys())]
    for name in sorted(shapes.keys() & known.keys()):
        if not _fits(shapes[name], known[name]):
            wanted = ["any" if size is None else str(size) for size in known[name]]
            found.append(
                f"misshapen: {name} is {list(shapes[name])}, expected "
                f"[{', '.join(wanted)}]"
            )
    return found


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want in (None, have) for have, want in zip(shape, wanted, strict=True)
    )


def _bad_contents(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """What is wrong in arrays whose names and shapes are right."""
    found = []
    for name in INDICES:
        index = np.asarray(arrays[name])
        if index.dtype.kind not in "iu":
            found.append(f"{name} are {index.dtype}, not integers")
        elif not index.size:
            found.append(f"{name} are none")
        elif not 0 <= index.min() <= index.max() < len(arrays["mean"]):
            found.append(f"{name} name absent vertices")
    for name in (*FLOATS, "camera", *(arrays.keys() & {"unit_codes"})):
        with np.errstate(over="ignore"):  # to infinity
            values = np.asarray(arrays[name], np.float32)
        if not np.all(np.isfinite(values)):
            found.append(f"{name} is not finite")
    if not np.all(np.asarray(arrays["camera"]) > 0):
        found.append("camera is not positive")
    codes, names = units(arrays)
    if len(codes) != len(names):
        found.append(f"{len(codes)} unit_codes, but {len(names)} names")
    return found
