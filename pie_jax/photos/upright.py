"""A face found and aligned, and found again in its aligned picture.

dlib's detector knows upright faces, and its landmarks of tilted ones may be off by tens
of degrees. In its aligned picture a face is upright and large, so what is found there
says whether the first look was right, and mends it where the face was tilted.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from pie_jax.photos import faces
from pie_jax.photos.alignment import SIZE, Alignment, align, portrait_quad

ROLL = 2.0
"""Degrees that an alignment may be off. Those of upright photographs are by 0.5."""

# Heads that lean more than this are seen worse, so the second look counts sooner.
_LEANING, _ROLL_LEANING = 15.0, 1.0

# The detector's score in the aligned picture is 1.15 or more for upright faces, and 0.75
# or less for what is none or stands on its head.
_SURE = 1.0
_AWAY = 0.25  # sides by which the centre may be off where it is the same face
_LARGER = 1.6  # times that its side may be longer or shorter
_ROUNDS = 4

# dlib finds faces that are up to some 30 degrees from upright.
_TURNS = range(45, 360, 45)
_SIDE = 1024  # pixels on the longest side of a photograph that is turned
_TRIED = 3  # places at most, the likeliest, where turned photographs show a face


class Found(NamedTuple):
    """A face in a photograph.

    Attributes:
        aligned_u8: `[1024, 1024, 3]` uint8 RGB.
        placed: where that lies in the photograph, with the face's landmarks.
        sure: whether a face was found in it again, upright.
    """

    aligned_u8: np.ndarray
    placed: Alignment
    sure: bool


def find(photo_u8: np.ndarray, face: int | None = None, name: str = "") -> Found:
    """Finds a face and aligns it; where none is upright, also one that is not.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        face: which of the upright ones, counted from 1 by size; the largest without it.
        name: what warnings call the photograph.

    Raises:
        PieError: there is no face, or no such face.
    """
    boxes = faces.detect(photo_u8)
    if not boxes:
        lying = _lying(photo_u8) if face in (None, 1) else None
        if lying is not None:
            return lying
    box = faces.choose(boxes, face, name)
    first = _settled(photo_u8, faces.landmarks68(photo_u8, box))
    if first.sure or face not in (None, 1):
        return first
    return _lying(photo_u8) or first


def _lying(photo_u8: np.ndarray) -> Found | None:
    """The face that is surely seen in the photograph turned, if there is one."""
    for landmarks in _in_turned(photo_u8):
        # Coarse, for they are of a reduced picture.
        seen = _again(*align(photo_u8, landmarks))
        found = seen and _settled(photo_u8, seen.landmarks)
        if found and found.sure:
            return found
    return None


class _Look(NamedTuple):
    landmarks: np.ndarray
    score: float
    roll: float


def _settled(
    photo_u8: np.ndarray, landmarks: np.ndarray, rounds: int = _ROUNDS
) -> Found:
    """Aligns, and again from what is seen in the aligned picture while that is tilted.

    What is seen there is preferred only where it is sure.
    """
    aligned_u8, placed = align(photo_u8, landmarks)
    again = _again(aligned_u8, placed)
    most = ROLL if abs(_roll(placed.quad)) < _LEANING else _ROLL_LEANING
    upright = again is not None and abs(again.roll) <= most
    if again and not upright and rounds > 1:
        better = _settled(photo_u8, again.landmarks, rounds - 1)
        if better.sure:
            return better
    return Found(aligned_u8, placed, bool(again and upright and again.score >= _SURE))


def _again(aligned_u8: np.ndarray, placed: Alignment) -> _Look | None:
    """The same face in its aligned picture; None where it is not seen there."""
    seen = faces.scored(aligned_u8)
    if not seen:
        return None
    box, score = min(seen, key=lambda x: np.abs(x[0].centre() - SIZE / 2).max())
    points = faces.landmarks68(aligned_u8, box)
    quad = portrait_quad(points)
    larger = np.linalg.norm(quad[3] - quad[0]) / SIZE
    away = np.linalg.norm(quad.mean(0) - SIZE / 2) / SIZE
    if away > _AWAY or not 1 / _LARGER < larger < _LARGER:
        return None
    return _Look(placed.to_photo(points), score, _roll(quad))


def _roll(quad: np.ndarray) -> float:
    """Degrees, clockwise as seen, by which a face leans."""
    right = quad[3] - quad[0]
    return float(np.degrees(np.arctan2(right[1], right[0])))


def _in_turned(photo_u8: np.ndarray) -> list[np.ndarray]:
    """Landmarks of the largest face in the photograph turned, the likeliest turn first.

    Returns:
        `[68, 2]` pixels of the photograph; of `_TRIED` turns at most.
    """
    height, width = photo_u8.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    photo = Image.fromarray(faces.resized(photo_u8, size))
    found = []
    for degrees in _TURNS:
        turned = photo.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
        seen = faces.scored(np.asarray(turned))
        if not seen:
            continue
        box = max((box for box, _ in seen), key=lambda box: box.width)
        points = faces.landmarks68(np.asarray(turned), box) + 0.5
        away = points - np.array(turned.size) / 2
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        # As the picture turned counter-clockwise, and y points down.
        back = away @ np.array([[cosine, sine], [-sine, cosine]])
        inside = (back / size + 0.5) * (width, height) - 0.5
        found.append((sum(score for _, score in seen), inside))
    found.sort(key=lambda x: x[0], reverse=True)
    return [landmarks for _, landmarks in found[:_TRIED]]
