"""Puts a published face model into the structure, the units and the place of ours.

The structure is that of `pie_jax.face.morphable.from_arrays`. Bases are cut to the
numbers of components that theta has, or filled up with zeros, which coefficients then
move nothing by. The frame is ours: the origin on the plane of symmetry, as deep as the
jaw's ends before the ears, at the height from which the mean head is where FFHQ's
average face is; the camera stands where it sees the eyes and the mouth there.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pie_jax.converters import jaw
from pie_jax.core import ffhq
from pie_jax.core.errors import PieError
from pie_jax.core.theta import SIZES
from pie_jax.face import morphable

MOST = max(SIZES.values())
"""Of components of one kind that are used."""
FOCAL = 4.5
"""In image widths: our open model's, where a model's publisher had no camera."""
_FIRST_DISTANCE = 12.0
_NEAREST, _FURTHEST = 2.0, 100.0
"""Decimetres. A head in other units than its file's kind has would not fit between."""
_STEPS = 30
"""Of Newton's method; six are enough for a head."""


class Parts(NamedTuple):
    """A face model before it is placed.

    Attributes:
        mean: `[V, 3]`, decimetres from any origin; x to the viewer's right, y up, z
            towards the viewer.
        triangles: `[T, 3]`, zero-based, all turned the same way.
        identity: `[K, V, 3]`, one standard deviation each.
        expression: `[E, V, 3]`, likewise.
        albedo_mean: `[V, 3]`, RGB, 1 is white.
        albedo: `[A, V, 3]`, one standard deviation each.
        landmarks: `[68]`, a vertex for each in iBUG's order.
        units: for each named expression its coefficients, `[E]`.
        focal: of the camera, in image widths.
    """

    mean: np.ndarray
    triangles: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    albedo_mean: np.ndarray
    albedo: np.ndarray
    landmarks: np.ndarray
    units: Mapping[str, np.ndarray] = {}
    focal: float = FOCAL


def arrays(parts: Parts, file: str) -> dict[str, np.ndarray]:
    """The model as `morphable.from_arrays` takes it, floats as float32.

    Raises:
        PieError: its landmarks are not those of a face.
    """
    mean = parts.mean.astype(np.float64)
    points = mean[parts.landmarks]
    eyes = points[36:48]
    mean -= [eyes[:, 0].mean(), 0, points[[0, 16], 2].mean()]
    front, inner = parts.landmarks[:17], parts.landmarks[17:]
    distance, lift = place(mean[parts.landmarks], parts.focal, file)
    mean[:, 1] += lift
    placed = {
        "mean": mean,
        "identity": _components(parts.identity, SIZES["identity"]),
        "expression": _components(parts.expression, SIZES["expression"]),
        "albedo_mean": parts.albedo_mean,
        "albedo": _components(parts.albedo, SIZES["reflectance"]),
        "camera": np.array([parts.focal, distance]),
    }
    if parts.units:
        codes = np.stack(list(parts.units.values()), axis=1)
        placed["unit_codes"] = _components(codes, SIZES["expression"]).T
    floats = {name: np.float32(array) for name, array in placed.items()}
    integers = {
        "triangles": np.int32(_outward(mean, parts.triangles)),
        "contour": jaw.candidates(mean, front, inner),
        "inner": np.int32(inner),
    }
    if parts.units:
        integers["unit_names"] = morphable.encode_names(tuple(parts.units))
    return floats | integers


def place(landmarks: np.ndarray, focal: float, file: str) -> tuple[float, float]:
    """Finds the camera's distance and how high the head stands before it.

    Args:
        landmarks: `[68, 3]`, of the mean head, in decimetres.
        focal: of the camera, in image widths.

    Returns:
        The distance from the camera to the origin, and what is to be added to the
        head's y so that eyes and mouth are where FFHQ has them, in the mean.

    Raises:
        PieError: there is no such place.
    """

    def errors(unknown: np.ndarray) -> np.ndarray:
        distance, lift = unknown
        scale = focal / (distance - landmarks[:, 2])
        x, y = scale * landmarks[:, 0], 0.5 - scale * (landmarks[:, 1] + lift)
        left, right = slice(36, 42), slice(42, 48)
        apart = x[right].mean() - x[left].mean() - ffhq.EYES_APART
        eyes = (y[left].mean() + y[right].mean()) / 2 - ffhq.EYES_DOWN
        # Both eyes count: so they do in the place that our open model has.
        return np.array([apart, eyes, y[[48, 54]].mean() - ffhq.MOUTH_DOWN])

    unknown, step = np.array([_FIRST_DISTANCE, 0.0]), 1e-5
    change = np.full(2, np.inf)
    for _ in range(_STEPS):
        now = errors(unknown)
        slopes = np.stack(
            [(errors(unknown + step * x) - now) / step for x in np.eye(2)]
        )
        if not np.isfinite([now, *slopes]).all():
            break
        change = np.linalg.lstsq(slopes.T, now, rcond=None)[0]
        unknown = unknown - change
    if not (np.abs(change).max() < 1e-3 and _NEAREST < unknown[0] < _FURTHEST):
        raise PieError(
            f"{file} does not hold a face model that can be used: its landmarks are "
            "not those of a face that looks along z, in the published units."
        )
    return float(unknown[0]), float(unknown[1])


def _components(basis: np.ndarray, count: int) -> np.ndarray:
    """Of the first axis exactly `count`: cut, or filled up with zeros."""
    missing = max(count - len(basis), 0)
    return np.concatenate([basis[:count], np.zeros((missing, *basis.shape[1:]))])


def _outward(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles counter-clockwise as seen from outside, away from the origin.

    Whether a publisher counts the corners this way or the other is not always known.
    """
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    volume = (np.cross(a, b) * c).sum()
    return triangles if volume > 0 else triangles[:, ::-1]
