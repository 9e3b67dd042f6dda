"""Reads MATLAB's .mat files of version 7.3, which are HDF5.

Axes are reversed, for HDF5's last axis runs fastest and MATLAB's first. A structure is
a group. A cell is a dataset of references, and so is each field of an array of
structures. The attribute `MATLAB_class` tells texts from numbers, `MATLAB_empty` what
has no elements. Layout: files that MATLAB writes, and h5py's view of them.
"""

from typing import Any

import numpy as np
from pie_jax.converters.hdf5_file import Hdf5
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import hdf5_file

_MAX_DEPTH = 32
_CLASS = "MATLAB_class"
_HIDDEN = "#"
"""Begins the names of the groups that references lead into."""
_NUMBERS = {
    "double",
    "single",
    "logical",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}


def read(file: UserFile) -> dict[str, Any]:
    """The variables by name, as `matlab_file` has them; `PieError` as there."""
    with hdf5_file.opened(file) as hdf5:
        return _structure(hdf5, hdf5.root, 0)


def _structure(hdf5: Hdf5, group: Any, depth: int) -> dict[str, Any]:
    return {
        name: _value(hdf5, hdf5.member(group, name), depth)
        for name in group
        if not name.startswith(_HIDDEN)
    }


def _value(hdf5: Hdf5, item: Any, depth: int) -> Any:
    hdf5.allowance.take(hdf5_file.COST)
    if depth > _MAX_DEPTH:
        raise ValueError(f"cells and structures {_MAX_DEPTH} deep")
    kind = _kind(hdf5, item)
    if "MATLAB_empty" in item.attrs:
        return {"char": "", "cell": []}.get(kind, np.zeros((0, 0)))
    if kind == "struct":
        fields = _structure(hdf5, item, depth + 1)
        spread = all(_CLASS not in hdf5.member(item, name).attrs for name in fields)
        return _transposed(fields) if fields and spread else fields
    if kind == "cell":
        referred = hdf5.references(item)
        return referred and [_value(hdf5, one, depth + 1) for one in referred]
    if kind == "char":
        units = hdf5.array(item).astype("<u2")
        return units.tobytes().decode("utf-16-le", errors="replace")
    return hdf5.array(item).T if kind in _NUMBERS else None


def _kind(hdf5: Hdf5, item: Any) -> str:
    if _CLASS in item.attrs:
        return hdf5.texts(item, _CLASS)[0]
    # The fields of an array of structures are cells but are not called so.
    return "cell" if hasattr(item, "dtype") else "struct"


def _transposed(fields: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """From structures by field to fields by structure."""
    rows = zip(*fields.values(), strict=True)
    return [dict(zip(fields, row, strict=True)) for row in rows]
