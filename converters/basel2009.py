"""The Basel Face Model 2009 (`01_MorphableModel.mat`), with expressions if they are there.

Paysan et al., "A 3D Face Model for Pose and Illumination Invariant Face Recognition",
AVSS 2009: micrometres, colours from 0 to 255, orthonormal components and, under the
letters EV, their standard deviations. It names no landmarks, and has no expressions.
Both come from files that Deep3DFaceReconstruction publishes, which must lie beside it:

- `BFM_exp_idx.mat` (`trimIndex`) and `BFM_front_idx.mat` (`idx`): which vertices have
  expressions, and which of these are the face; so landmarks known in the face's numbers
  (Deep3DFaceReconstruction's key points) are found in the whole model.
- `Exp_Pca.bin` (Guo et al., "CNN-based Real-time Dense Face Reconstruction", TPAMI 2019)
  and `std_exp.txt`: expressions of the vertices that have them. Without both of them the
  model has no expressions.

Vertices without expressions, at the edge, are left out, which makes it 53 215.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pie_jax.converters.bfm_front import basis
from pie_jax.converters.face_model import Parts

from pie_jax.converters import face_model, matlab_file, named_arrays, user_file
from pie_jax.core.errors import PieError
from pie_jax.io import reading

MODEL = "01_MorphableModel.mat"
TRIMMED, FRONT = "BFM_exp_idx.mat", "BFM_front_idx.mat"
EXPRESSIONS, DEVIATIONS = "Exp_Pca.bin", "std_exp.txt"

_MICROMETRES = 1e5
"""In a decimetre."""
# fmt: off
KEYPOINTS = (
    16645, 16889, 16468, 16265, 32245, 32940, 33376, 33655, 33839, 34023, 34313, 34767,
    35473, 27817, 27609, 27209, 27441,
    28112, 28788, 29178, 29383, 29550, 30289, 30455, 30663, 31057, 31717,
    8162, 8178, 8188, 8193, 6516, 7244, 8205, 9164, 9884,
    2216, 3887, 4921, 5829, 4802, 3641, 10456, 11354, 12384, 14067, 12654, 11493,
    5523, 6026, 7496, 8216, 8936, 10396, 10796, 9556, 8837, 8237, 7637, 6916,
    5910, 7385, 8224, 9065, 10538, 8830, 8230, 7630,
)
# fmt: on
"""Of `BFM_front_idx.mat`'s vertices, counted from one: the landmarks in iBUG's order."""


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays for `pie_jax.face.morphable.from_arrays`, and what is known of them.

    Args:
        path: `01_MorphableModel.mat` or its folder, where the others are too.

    Raises:
        PieError: a file is missing, cannot be read, or does not hold what is published;
            then every difference is listed.
    """
    path = Path(path) / MODEL if Path(path).is_dir() else Path(path)
    folder = path.parent
    _require(folder)
    file = user_file.read(path)
    content = matlab_file.read(file)
    size = named_arrays.size_of(content.get("shapeMU")) // 3 * 3
    shapes: dict[str, named_arrays.Shape] = {"tl": (None, 3)}
    for name in ("shape", "tex"):
        count = named_arrays.size_of(content.get(f"{name}EV"))
        shapes[f"{name}MU"] = (size, 1)
        shapes[f"{name}PC"] = (size, count)
        shapes[f"{name}EV"] = (count, 1)
    found = named_arrays.numbers(content, shapes, file.name, ignored=("__", "seg"))
    kept = _indices(folder / TRIMMED, "trimIndex", size // 3)
    front = _indices(folder / FRONT, "idx", len(kept))
    if len(front) < max(KEYPOINTS):
        raise PieError(f"{FRONT} does not number the face as it is published.")
    triangles = named_arrays.indices(found["tl"], size // 3, "tl", file.name, first=1)
    identity = basis(found["shapePC"], found["shapeEV"][:, 0])
    parts = Parts(
        mean=found["shapeMU"].reshape(-1, 3)[kept] / _MICROMETRES,
        triangles=renumbered(triangles, kept, size // 3),
        identity=identity[:, kept] / _MICROMETRES,
        expression=_expressions(folder, len(kept)),
        albedo_mean=found["texMU"].reshape(-1, 3)[kept] / 255,
        albedo=basis(found["texPC"], found["texEV"][:, 0])[:, kept] / 255,
        landmarks=front[np.array(KEYPOINTS) - 1],
    )
    info = {
        "model": "Basel Face Model 2009",
        "vertices": str(len(kept)),
        "expressions": "none" if not len(parts.expression) else EXPRESSIONS,
    }
    return face_model.arrays(parts, file.name), info | file.identity()


def _require(folder: Path) -> None:
    """All that is missing at once; expressions are all there or none."""
    wanted = [TRIMMED, FRONT]
    optional = [EXPRESSIONS, DEVIATIONS]
    if any((folder / name).exists() for name in optional):
        wanted += optional
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise PieError(
            f"{', '.join(missing)} should lie in {folder}, beside {MODEL}: landmarks "
            "and expressions of the model come from Deep3DFaceReconstruction's files."
        )


def _indices(path: Path, name: str, count: int) -> np.ndarray:
    """A vector of zero-based indices from a file that has them from one."""
    file = user_file.read(path)
    content: dict[str, Any] = matlab_file.read(file)
    only = {key: np.ravel(value) for key, value in content.items() if key == name}
    array = named_arrays.numbers(only, {name: (None,)}, file.name)[name]
    return named_arrays.indices(array, count, name, file.name, first=1)


def renumbered(triangles: np.ndarray, kept: np.ndarray, count: int) -> np.ndarray:
    """The triangles `[T, 3]` of which all corners are kept, in the kept vertices'
    numbers; `kept` `[N]` is in their new order, and there were `count` vertices."""
    number = np.full(count, -1)
    number[kept] = np.arange(len(kept))
    renamed = number[triangles]
    return renamed[(renamed >= 0).all(axis=1)]


def _expressions(folder: Path, count: int) -> np.ndarray:
    """`[K, V, 3]` in decimetres, one standard deviation each; none without the files.

    The file is a count of components, a mean, and the components, in little endian. The
    mean is not used, as Deep3DFaceReconstruction does not.
    """
    if not (folder / EXPRESSIONS).exists():
        return np.zeros((0, count, 3))
    file = user_file.read(folder / EXPRESSIONS)
    components = int.from_bytes(file.data[:4], "little")
    expected = 4 + 4 * (components + 1) * 3 * count
    if len(file.data) != expected:
        raise PieError(
            f"{file.name} is damaged or truncated: {components} components of {count} "
            f"vertices take {expected} bytes, it has {len(file.data)}."
        )
    values = np.frombuffer(file.data, "<f4", offset=4).reshape(components + 1, count, 3)
    deviations = _numbers(folder / DEVIATIONS)
    if len(deviations) != components or not np.isfinite(values).all():
        raise PieError(
            f"{DEVIATIONS} has {len(deviations)} numbers for the {components} "
            f"components of {EXPRESSIONS}, or these are not finite."
        )
    return values[1:] * deviations[:, None, None] / _MICROMETRES


def _numbers(path: Path) -> np.ndarray:
    """The finite numbers of a text file."""
    file = user_file.read(path)
    with reading.explained(file.name, "should hold numbers"):
        numbers = np.array([float(word) for word in file.data.decode().split()])
    if not np.isfinite(numbers).all():
        raise PieError(f"{file.name} should hold finite numbers.")
    return numbers
