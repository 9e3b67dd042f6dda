"""From a photograph's file to its aligned portrait, in one call."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.core.images import reduce_affine, resized
from pie_jax.energy.term import Target
from pie_jax.io import images
from pie_jax.photos import alignment, faces, upright

ALIGNMENT_TEXT = "pie_alignment"
"""Keyword of the PNG text in which `pie align` notes the alignment."""


_OUTSIDE = 3
"""Landmarks, of the chin say, that may lie outside the photograph."""

_AWAY = 0.1
"""Sides by which the corners of what is said to be aligned may be off. `pie align` leaves
0.015; 8 degrees of roll are 0.1."""


@dataclasses.dataclass(frozen=True, eq=False)
class Portrait:
    """An aligned face.

    Attributes:
        aligned_u8: `[1024, 1024, 3]` uint8 RGB, the FFHQ frame.
        alignment: where it lies in the photograph, for pasting an edit back.
        landmarks: `[68, 2]` pixels of `aligned_u8` (iBUG order, integers at centres);
            None where they were not asked for.
    """

    aligned_u8: np.ndarray
    alignment: alignment.Alignment
    landmarks: np.ndarray | None


def load_portrait(path: str | Path, face: int | None = None) -> Portrait:
    """Reads a photograph, finds a face in it and aligns that.

    Needs the landmark predictor in the cache (`pie weights`).

    Args:
        path: the photograph.
        face: which face, counted from 1 by size; the largest without it.

    Raises:
        PieError: the file cannot be read or has no such face; the message names it.
    """
    return from_photo(images.read(path), str(path), face)


def from_photo(photo_u8: np.ndarray, name: str, face: int | None = None) -> Portrait:
    """Finds a face and aligns it, with a warning where the outcome is doubtful.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        name: what messages call it.
        face: which face, counted from 1 by size; the largest without it.

    Raises:
        PieError: there is no face, or no such face.
    """
    try:
        found = upright.find(photo_u8, face, name)
    except PieError as error:
        raise PieError(f"{name}: {error}") from error
    if not found.sure:
        logging.warning(
            "%s: the face was not found again, upright, where it was aligned; look at "
            "the aligned picture. If it is tilted or shows no face, turn the photograph "
            "until the face is upright, or crop it to the head.",
            name,
        )
    landmarks = np.asarray(found.placed.landmarks)  # there, for it was found by them
    last = np.array(found.placed.photo_size) - 0.5
    if ((landmarks < -0.5) | (landmarks > last)).any(axis=1).sum() > _OUTSIDE:
        logging.warning(
            "%s: part of the face is outside the photograph; a blurred reflection stands "
            "for it. Use a photograph that shows the whole face.",
            name,
        )
    return Portrait(found.aligned_u8, found.placed, found.placed.to_aligned(landmarks))


def load_aligned(
    path: str | Path, face: int | None = None, *, landmarks: bool = True
) -> Portrait:
    """Reads a photograph that is in the FFHQ frame already, as `pie align` writes it.

    What `pie align` noted in its file, where the face lay in the photograph, is kept.

    Args:
        path: a square photograph; it is scaled to 1024 pixels where it has others.
        face: which face, counted from 1 by size; the largest without it.
        landmarks: whether to find them (which needs the predictor in the cache).

    Raises:
        PieError: the file cannot be read, is not square, or shows no face.
    """
    photo_u8 = images.read(path)
    noted = images.read_text(path).get(ALIGNMENT_TEXT)
    placed = _noted(path, noted) if noted else None
    return from_aligned(photo_u8, str(path), face, placed=placed, landmarks=landmarks)


def from_aligned(
    image_u8: np.ndarray,
    name: str,
    face: int | None = None,
    *,
    placed: alignment.Alignment | None = None,
    landmarks: bool = True,
) -> Portrait:
    """A portrait of a picture that is in the FFHQ frame already.

    Args:
        image_u8: `[S, S, 3]` uint8 RGB; it is scaled to 1024 pixels where S is another.
        name: what messages call it.
        face: which face, counted from 1 by size; the largest without it.
        placed: where it lay in a photograph; the picture is all there is without it.
        landmarks: whether to find them (which needs the predictor in the cache).

    Raises:
        PieError: it is not square, or shows no face.
    """
    height, width = image_u8.shape[:2]
    if height != width:
        raise PieError(
            f"{name}: an aligned portrait is square, this is {width} x {height}; leave "
            "--aligned out"
        )
    placed = placed or alignment.whole(width)
    aligned_u8 = image_u8
    if width != placed.size:
        size = (placed.size, placed.size)
        aligned_u8 = np.array(
            Image.fromarray(image_u8).resize(size, Image.Resampling.LANCZOS)
        )
    points = None
    if landmarks:
        points = find_landmarks(name, aligned_u8, face)
        away = alignment.portrait_quad(points) - alignment.whole(placed.size).quad
        if np.linalg.norm(away, axis=1).max() > _AWAY * placed.size:
            logging.warning(
                "%s: the face is tilted, or not where `pie align` would put it; leave "
                "--aligned out",
                name,
            )
        in_photo = placed.to_photo(points)
        placed = dataclasses.replace(placed, landmarks=in_photo)
    return Portrait(aligned_u8=aligned_u8, alignment=placed, landmarks=points)


def to_target(portrait: Portrait, resolution: int) -> Target:
    """An aligned portrait as the energy takes it, at the generator's resolution."""
    image = jnp.asarray(images.from_u8(portrait.aligned_u8))
    factor = image.shape[0] / resolution
    chip_matrix, landmarks = np.zeros((2, 3)), None
    if portrait.landmarks is not None:
        chip_matrix = faces.chip_matrix(portrait.landmarks)
        # In the file's pixels, centres are integers and the outline begins at -0.5.
        in_frame = (portrait.landmarks + 0.5) / image.shape[0]
        landmarks = jnp.asarray(in_frame, jnp.float32)
    return Target(
        image=resized(image, resolution),
        chip_matrix=reduce_affine(jnp.asarray(chip_matrix, jnp.float32), factor),
        landmarks=landmarks,
    )


def to_targets(portraits: Iterable[Portrait], resolution: int) -> Target:
    """Several as a batch."""
    each = [to_target(portrait, resolution) for portrait in portraits]
    return jax.tree.map(lambda *x: jnp.stack(x), *each)


def _noted(path: str | Path, text: str) -> alignment.Alignment:
    """The alignment in a file that `pie align` wrote.

    Raises:
        PieError: it is none, or of another size than portraits have.
    """
    try:
        placed = alignment.Alignment.from_dict(json.loads(text))
    except (ValueError, PieError, RecursionError) as error:
        raise PieError(
            f"{path}: its text {ALIGNMENT_TEXT} is damaged: {error}"
        ) from error
    if placed.size != alignment.SIZE:
        raise PieError(
            f"{path}: its text {ALIGNMENT_TEXT} is of {placed.size} pixels; expected "
            f"{alignment.SIZE}. Align the photograph again."
        )
    return placed


def find_landmarks(
    path: str | Path, image_u8: np.ndarray, face: int | None = None
) -> np.ndarray:
    """The 68 landmarks of one face, `[68, 2]` pixels.

    Args:
        path: what messages call the image.
        image_u8: `[H, W, 3]` uint8 RGB.
        face: which face, counted from 1 by size; the largest without it.

    Raises:
        PieError: there is no face, or no such face.
    """
    try:
        box = faces.choose(faces.detect(image_u8), face, str(path))
    except PieError as error:
        raise PieError(f"{path}: {error}") from error
    return faces.landmarks68(image_u8, box)
