"""Candidate vertices of the jaw's landmarks, from those of the frontal view.

Published models name one vertex for each landmark. On a turned head the outline runs
over other vertices: on the far side the jaw's landmarks come over the cheek towards the
nose, on the near side they go towards the ear. They stay at one height of the head. So
candidates are the vertices nearest to places some way to the front and to the back of
the frontal vertex, at its height; the middle of the chin stays where it is.

On our open model, whose candidates come from turned views, these ones' landmarks are off
those by 4% of the distance between the outer corners of the eyes for heads turned by 40
degrees, the frontal vertices alone by 11%.
"""

import numpy as np

FORWARD = (0.08, 0.16, 0.24, 0.32, 0.4, 0.48, 0.56, 0.64, 0.72)
BACKWARD = (0.08, 0.16)
"""Distances from the frontal vertex, in units of that between the outer corners of the
eyes."""
_STRAY = 0.08
"""How far off its place, in that unit, a candidate may be."""
_OUTWARD = 0.3
"""How far out a candidate to the back may be, over its distance: an ear is further."""
_MIDDLE = 0.1
"""Nearer than that unit's share to the plane of symmetry is the middle of the chin."""


def candidates(
    vertices: np.ndarray, front: np.ndarray, inner: np.ndarray
) -> np.ndarray:
    """The rows of `Morphable.contour`.

    Args:
        vertices: `[V, 3]`, the mean face, symmetric about x = 0; x to the viewer's
            right, y up, z towards the viewer.
        front: `[17]`, the frontal view's vertices.
        inner: `[51]`, the vertices of the other landmarks.

    Returns:
        `[17, C]` int32; the first column is `front`, which also takes the place of
        candidates that there are none for.
    """
    outer_eyes = vertices[inner[[36 - 17, 45 - 17]]]
    unit = np.linalg.norm(outer_eyes[1] - outer_eyes[0])
    rows = [[int(start), *_ways(vertices / unit, int(start))] for start in front]
    return np.array(rows, np.int32)


def _ways(vertices: np.ndarray, start: int) -> list[int]:
    """The candidates of one landmark, all lengths in units of the eyes' distance."""
    place = vertices[start]
    if abs(place[0]) < _MIDDLE:
        return [start] * len(FORWARD + BACKWARD)
    away = vertices - place
    distance = np.linalg.norm(away, axis=1)
    out = away[:, 0] * np.sign(place[0])
    forward = (away[:, 2] > 0) & (out < 0)
    backward = (away[:, 2] < 0) & (np.abs(out) < _OUTWARD * distance)
    chosen = []
    for side, ways in ((forward, FORWARD), (backward, BACKWARD)):
        for way in ways:
            gap = np.where(side, np.hypot(distance - way, away[:, 1]), np.inf)
            nearest = int(np.argmin(gap))
            chosen.append(nearest if gap[nearest] < _STRAY else start)
    return chosen
