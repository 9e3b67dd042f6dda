"""The Basel Face Model 2017 or 2019 (`model2017-1_bfm_nomouth.h5` and others).

Gerig et al., "Morphable Face Models - An Open Framework", FG 2018. The layout is
statismo's: three models of shape, expression and colour, each with a mean, orthonormal
components and their variances; millimetres, colours from 0 to 1. The mean expression is
an offset that belongs to the mean face.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pie_jax.converters.bfm_front import basis
from pie_jax.converters.face_model import Parts
from pie_jax.converters.hdf5_file import Hdf5

from pie_jax.converters import (
    basel_landmarks,
    face_model,
    hdf5_file,
    named_arrays,
    user_file,
)
from pie_jax.core.errors import PieError
from pie_jax.io import reading

MODELS = ("shape", "expression", "color")
ARRAYS = ("mean", "pcaBasis", "pcaVariance")
CELLS = "shape/representer/cells"
LANDMARKS = "metadata/landmarks/json"

_MILLIMETRES = 100.0
"""In a decimetre."""
_MAX_TEXT = 2**20
_MAX_DEPTH, _MAX_GROUPS = 3, 30
"""How far down, and among how many groups on one level, the model is looked for."""


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays for `pie_jax.face.morphable.from_arrays`, and what is known of them.

    Raises:
        PieError: the file cannot be read, or does not hold the model as it is
            published; then every difference is listed. h5py is not installed.
    """
    path = Path(path)
    file = user_file.read(path)
    with hdf5_file.opened(file) as hdf5:
        group = _home(hdf5, file.name)
        content = {name: hdf5.array(item) for name, item in _arrays(hdf5, group)}
        text = _text(hdf5, group)
    found = _checked(content, file.name)
    count = len(found["shape/model/mean"]) // 3
    mean, offset, colour = (found[f"{x}/model/mean"].reshape(-1, 3) for x in MODELS)
    named = basel_landmarks.parse(text, file.name) if text else {}
    landmarks = basel_landmarks.find(mean, named, path)
    triangles = named_arrays.indices(found[CELLS], count, CELLS, file.name)
    parts = Parts(
        mean=(mean + offset) / _MILLIMETRES,
        triangles=triangles.T,
        identity=_deviations(found, "shape") / _MILLIMETRES,
        expression=_deviations(found, "expression") / _MILLIMETRES,
        albedo_mean=colour,
        albedo=_deviations(found, "color"),
        landmarks=landmarks,
    )
    info = {"model": "Basel Face Model 2017 or 2019", "vertices": str(count)}
    return face_model.arrays(parts, file.name), info | file.identity()


def _home(hdf5: Hdf5, file: str) -> Any:
    """The group that holds the model: the root, or one inside `catalog` and the like."""
    groups = [hdf5.root]
    for _ in range(_MAX_DEPTH):
        for group in groups:
            if _has(hdf5, group, "shape/model/mean"):
                return group
        members = [hdf5.member(group, name) for group in groups for name in group]
        groups = [item for item in members if hasattr(item, "keys")][:_MAX_GROUPS]
    raise PieError(
        f"{file} holds no Basel model of 2017 or 2019: it has no shape/model/mean."
    )


def _has(hdf5: Hdf5, group: Any, path: str) -> bool:
    try:
        hdf5.member(group, path)
    except KeyError:
        return False
    return True


def _arrays(hdf5: Hdf5, group: Any) -> list[tuple[str, Any]]:
    """What there is of the three models, and the triangles; nothing else is read."""
    paths = [CELLS] if _has(hdf5, group, CELLS) else []
    for model in MODELS:
        if _has(hdf5, group, f"{model}/model"):
            names = hdf5.member(group, f"{model}/model")
            paths += [f"{model}/model/{name}" for name in names]
    return [(path, hdf5.member(group, path)) for path in paths]


def _text(hdf5: Hdf5, group: Any) -> bytes:
    """The named points as JSON, stored as a text or as bytes; empty without them."""
    if not _has(hdf5, group, LANDMARKS):
        return b""
    item = hdf5.member(group, LANDMARKS)
    kind = getattr(getattr(item, "dtype", None), "kind", None)
    elsewhere = kind and (item.is_virtual or item.external)
    if kind == "S" and item.nbytes < _MAX_TEXT and not elsewhere:
        return np.asarray(item[()]).tobytes().rstrip(b"\0")
    return hdf5.array(item).tobytes().rstrip(b"\0")


def _checked(content: dict[str, np.ndarray], file: str) -> dict[str, np.ndarray]:
    """Everything that is needed, vectors without axes of length 1."""
    count = np.size(content.get("shape/model/mean", ())) // 3
    shapes: dict[str, named_arrays.Shape] = {CELLS: (3, None)}
    for model in MODELS:
        variances = content.get(f"{model}/model/pcaVariance")
        components = np.size(() if variances is None else variances)
        sizes = [(3 * count,), (3 * count, components), (components,)]
        shapes |= {
            f"{model}/model/{name}": size
            for name, size in zip(ARRAYS, sizes, strict=True)
        }
    flat = {
        name: array.ravel() if name.endswith(("mean", "Variance")) else array
        for name, array in content.items()
    }
    noise = tuple(f"{model}/model/noiseVariance" for model in MODELS)
    return named_arrays.numbers(flat, shapes, file, ignored=noise)


def _deviations(found: dict[str, np.ndarray], model: str) -> np.ndarray:
    """`[K, V, 3]`: components of one standard deviation each."""
    variances = np.maximum(found[f"{model}/model/pcaVariance"], 0)
    return basis(found[f"{model}/model/pcaBasis"], np.sqrt(variances))
