"""Which vertices are the 68 landmarks: dlib's predictor looks at rendered heads.

Several heads are rendered. Where the predictor puts a landmark, there is a place on the
surface, which is the same place on the mean head; the mean of these over heads and over
both sides of the face is the landmark. The jaw's landmarks are other places in every
view: from views of turned heads comes the way that each of them goes over the face.
"""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from experiments.morphable import frame, remeshing
from experiments.morphable.portraits import PIXELS, Portrait, portray
from experiments.morphable.region import Region, rotation
from pie_jax.core import ibug
from pie_jax.core.errors import PieError
from pie_jax.photos import faces

EYES, MOUTH = np.arange(36, 48), np.arange(48, 68)
_MIRROR = np.array(ibug.MIRRORED)
_REFLECT = np.array([-1.0, 1.0, 1.0])
# Degrees; beyond, the predictor is not to be trusted. The other side is mirrored.
# Nodding was tried too, and continuing the ways beyond the last place: no better.
_YAWS = (20, 40)
_TURNED_HEADS = 6
_STEPS = 5
"""Candidates from one view's place to the next one's."""


class Landmarks(NamedTuple):
    """Vertices of the landmarks: `contour` `[17, C]` and `inner` `[51]`."""

    contour: np.ndarray
    inner: np.ndarray


class Studio(NamedTuple):
    """What pictures of heads are taken with."""

    region: Region
    lips: np.ndarray
    """`[V]` in [0, 1], how much each vertex is of the lips."""
    distance: float
    """Of the camera."""

    def portrait(self, head: np.ndarray, yaw: float = 0, pitch: float = 0) -> Portrait:
        """Takes a picture of a head `[V + E, 3]` turned by degrees."""
        turned = head @ rotation(pitch, yaw).T
        return portray(self.region, turned, self.lips, self.distance)

    def project(self, head: np.ndarray) -> np.ndarray:
        """`[V + E, 2]` pixels of a head `[V + E, 3]` in its portrait."""
        return PIXELS * frame.project(head, self.distance)

    def detect(self, portrait: Portrait) -> np.ndarray | None:
        """`[68, 2]` pixels (centres at .5) by dlib; None if it sees no face."""
        picture = portrait.picture
        boxes = faces.detect(picture)
        return faces.landmarks68(picture, boxes[0]) + 0.5 if boxes else None


def find(studio: Studio, closed: np.ndarray, opened: np.ndarray) -> Landmarks:
    """Finds the landmarks of the mean head.

    Args:
        studio: for the pictures.
        closed: `[N, V + E, 3]` neutral heads in the model's frame, the mean first.
        opened: the same with the mouth a little open, so that the lips are told apart.
    """
    front = _places(studio, closed, closed[0])
    front[MOUTH] = _places(studio, opened, opened[0])[MOUTH]
    front = (front + _mirrored(front)) / 2
    heads = closed[:_TURNED_HEADS]
    near = [_places(studio, heads, closed[0], yaw) for yaw in _YAWS]
    inner = _inner_vertices(studio.region, front, closed[0], opened[0])
    return Landmarks(_contour(studio.region, closed[0], front, near), inner)


def _places(
    studio: Studio, heads: np.ndarray, mean: np.ndarray, yaw: float = 0
) -> np.ndarray:
    """`[68, 3]`: where on the mean head `[V + E, 3]` the predictor sees landmarks."""
    found = []
    for head in tqdm(heads, desc=f"landmarks at {yaw} degrees"):
        portrait = studio.portrait(head, yaw=yaw)
        pixels = studio.detect(portrait)
        if pixels is not None:
            found.append(_on_surface(studio.region, portrait, pixels, mean))
    if not found:
        raise PieError(f"dlib finds no face in heads turned by {yaw} degrees")
    return np.mean(found, axis=0)


def _on_surface(
    region: Region, portrait: Portrait, pixels: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """`[K, 3]`: the places on the mean head that pixels `[K, 2]` show, or are next to."""
    corners, weights = portrait.corners, portrait.weights
    skin = (corners >= 0).all(-1) & (corners < region.num_vertices).all(-1)
    row, column = np.nonzero(skin)
    centres = np.stack([column, row], axis=1) + 0.5
    nearest = [int(np.argmin(((centres - pixel) ** 2).sum(1))) for pixel in pixels]
    at = row[nearest], column[nearest]
    return (mean[corners[at]] * weights[at][..., None]).sum(1)


def _mirrored(places: np.ndarray) -> np.ndarray:
    """The places `[68, 3]` of the mirrored head."""
    return places[_MIRROR] * _REFLECT


def _inner_vertices(
    region: Region, places: np.ndarray, closed: np.ndarray, opened: np.ndarray
) -> np.ndarray:
    """`[51]`: the vertices nearest to places that are symmetric, likewise symmetric.

    Eyes' landmarks are on the edges of the lids, those of the middle in the middle.
    """
    count = region.num_vertices
    own_mirror = region.mirror[:count] == np.arange(count)
    margin = lid_margins(region, closed)
    ids = np.zeros(68, int)
    for i in range(17, 68):
        shape = opened if i in MOUTH else closed
        gap = np.linalg.norm(shape[:count] - places[i], axis=1)
        if i in EYES:
            gap[~margin] = np.inf
        elif _MIRROR[i] == i:
            gap[~own_mirror] = np.inf
        ids[i] = np.argmin(gap)
        ids[_MIRROR[i]] = region.mirror[ids[i]]
    return ids[17:]


def _contour(
    region: Region, mean: np.ndarray, front: np.ndarray, near: list[np.ndarray]
) -> np.ndarray:
    """`[17, C]`: candidates of the jaw's landmarks, the frontal view's first, from places
    `[68, 3]` in that view and `near`, those of heads turned to the viewer's right."""
    far = [_mirrored(places) for places in reversed(near)]
    stations = np.stack([*far, front, *near])
    at = np.linspace(0, len(stations) - 1, _STEPS * (len(stations) - 1) + 1)
    rows = []
    for i in range(9):  # from the viewer's left ear to the chin
        columns = [np.interp(at, range(len(stations)), x) for x in stations[:, i].T]
        way = np.stack([front[i], *np.transpose(columns)])
        gap = np.linalg.norm(mean[: region.num_vertices] - way[:, None], axis=2)
        rows.append(list(dict.fromkeys(np.argmin(gap, axis=1).tolist())))
    longest = max(map(len, rows))
    left = np.array([row + row[:1] * (longest - len(row)) for row in rows])
    return np.concatenate([left, region.mirror[left[7::-1]]])


def lid_margins(region: Region, vertices: np.ndarray) -> np.ndarray:
    """`[V]`: whether a vertex of the face is on the edge of an eye's opening."""
    edges = remeshing.boundary(region.triangles)
    part = remeshing.parts(edges)[edges[:, 0]]
    outlines = [edges[part == i, 0] for i in np.unique(part)]
    margin = np.zeros(region.num_vertices, bool)
    balls = vertices[region.num_vertices :]
    for ball in (balls[balls[:, 0] > 0], balls[balls[:, 0] < 0]):
        away = [np.linalg.norm((vertices[x] - ball.mean(0)).mean(0)) for x in outlines]
        margin[outlines[int(np.argmin(away))]] = True
    return margin
