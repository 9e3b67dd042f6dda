"""The 68 landmarks of a Basel model of 2017 or 2019, from the points that it names.

These files name some fifty points of the face by words ("right.eye.corner_outer", of the
person's own right) and give their coordinates. Where such a point is an iBUG landmark,
or the mean of some, it is taken as it is. The rest, the jaw above all, follow: our open
model's landmarks, warped so that these points meet (a thin-plate spline in space,
Bookstein, PAMI 1989), and the nearest vertices of them.

The landmarks of one model are circulated as `Landmarks68_<its name>.anl`, 68 vertex
numbers; where that file lies beside the model, it is read in place of all that.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.converters import named_arrays, user_file
from pie_jax.core import ibug
from pie_jax.core.errors import PieError
from pie_jax.io import assets, reading

# For landmarks (their mean), the points whose mean is in the same place. Of points with
# two sides the right one is named; the left one belongs to the mirrored landmarks.
_MIDDLE = {
    (30,): ("center.nose.tip",),
    (33,): ("center.nose.attachement_to_philtrum",),
    (51,): ("center.lips.upper.outer",),
    (57,): ("center.lips.lower.outer",),
    (62,): ("center.lips.upper.inner",),
    (66,): ("center.lips.lower.inner",),
}
_RIGHT = {
    (18,): ("right.eyebrow.bend.lower", "right.eyebrow.bend.upper"),
    (20,): ("right.eyebrow.inner_lower", "right.eyebrow.inner_upper"),
    (31,): ("right.nose.wing.outer", "right.nose.wing.tip"),
    (36,): ("right.eye.corner_outer",),
    (37, 38): ("right.eye.top",),
    (39,): ("right.eye.corner_inner",),
    (40, 41): ("right.eye.bottom",),
    (48,): ("right.lips.corner",),
    (50,): ("right.lips.philtrum_ridge",),
}
_LEFT = {
    tuple(ibug.MIRRORED[i] for i in landmarks): tuple(
        name.replace("right.", "left.") for name in names
    )
    for landmarks, names in _RIGHT.items()
}
ANCHORS = _MIDDLE | _RIGHT | _LEFT
"""Which landmarks have the mean that the named points have."""

_SLACK = 0.01
"""Decimetres of our model. Lets points that are all but one, as on closed lips, keep a
little of their distance instead of bending the space between them."""


def find(mean: np.ndarray, named: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    """The vertices `[68]` int32 of the landmarks.

    Args:
        mean: `[V, 3]`, the model's mean face.
        named: `[3]` by name, in the same frame and unit.
        path: the model's file, beside which the landmarks' file may lie.

    Raises:
        PieError: points that are needed are not named, all of which are listed; or the
            landmarks' file does not hold 68 vertices.
    """
    listed = path.with_name(f"Landmarks68_{path.stem}.anl")
    if listed.exists():
        return _read(listed, len(mean))
    wanted = {name for names in ANCHORS.values() for name in names}
    missing = sorted(wanted - named.keys())
    if missing:
        raise PieError(
            f"{path.name} does not tell where its landmarks are: it lacks the points\n  "
            + "\n  ".join(missing)
            + f"\nPut a file {listed.name} beside it, with the numbers of its 68 "
            "landmarks' vertices, counted from zero, in iBUG's order."
        )
    places = warped(template(), named)
    gaps = [np.linalg.norm(mean - place, axis=1) for place in places]
    return np.array([np.argmin(gap) for gap in gaps], np.int32)


def template() -> np.ndarray:
    """`[68, 3]`: where our open model has the landmarks."""
    arrays = assets.load("morphable").flat
    vertices = np.concatenate([arrays["contour"][:, 0], arrays["inner"]])
    return arrays["mean"].astype(np.float64)[vertices]


def warped(landmarks: np.ndarray, named: Mapping[str, np.ndarray]) -> np.ndarray:
    """Moves landmarks `[68, 3]` so that those that are named come to their places."""
    source = np.array([landmarks[list(ids)].mean(axis=0) for ids in ANCHORS])
    target = np.array(
        [np.mean([named[x] for x in names], axis=0) for names in ANCHORS.values()]
    )
    # Minimises bending: a smooth part for each anchor, and an affine map.
    affine = np.concatenate([np.ones((len(source), 1)), source], axis=1)
    bending = _distances(source, source) - _SLACK * np.eye(len(source))
    system = np.block([[bending, affine], [affine.T, np.zeros((4, 4))]])
    solution = np.linalg.solve(system, np.concatenate([target, np.zeros((4, 3))]))
    bend, map_ = solution[:-4], solution[-4:]
    return map_[0] + landmarks @ map_[1:] + _distances(landmarks, source) @ bend


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[:, None] - b, axis=2)


def parse(text: bytes, file: str) -> dict[str, np.ndarray]:
    """The named points of a model's `metadata/landmarks/json`, by name.

    Raises:
        PieError: it is no list of names and coordinates.
    """
    with reading.explained(file, "is damaged: its landmarks are no list of points"):
        records: Any = json.loads(text)
        points = {x["id"]: np.array(x["coordinates"], np.float64) for x in records}
    for name, point in points.items():
        if point.shape != (3,) or not np.isfinite(point).all():
            raise PieError(f"{file} is damaged: its landmark {name} is no point.")
    return points


def _read(path: Path, count: int) -> np.ndarray:
    file = user_file.read(path)
    with reading.explained(file.name, "should hold vertex numbers"):
        numbers = np.array([int(word) for word in file.data.decode().split()])
    if numbers.shape != (68,):
        raise PieError(f"{file.name} should hold 68 numbers, and has {numbers.size}.")
    return named_arrays.indices(numbers, count, "the landmarks", file.name)
