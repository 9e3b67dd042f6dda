"""Faces in photographs, found and measured by dlib.

Points are `[..., 2]` pixels, x right and y down, with integers at pixel *centres*:
point (x, y) is the pixel `image[y, x]`, and the image's outline runs from -0.5 to
W - 0.5. That is dlib's own convention.
"""

import dataclasses
import functools
from collections.abc import Sequence

import dlib
import numpy as np
from absl import logging
from PIL import Image

from pie_jax.core import ibug, similarity
from pie_jax.core.errors import PieError
from pie_jax.stack import cache
from pie_jax.stack.registry import LANDMARKS68

CHIP_SIZE = 150
"""Pixels of the picture that dlib's recognition network sees."""
CHIP_PADDING = 0.25
"""What is kept around the mean face on each side, in units of its size."""

# The longest side, in pixels, at which faces are first looked for. The detector finds
# faces from 80 pixels on, so here those of 8% of the picture's longest side.
_FIRST_SIDE = 1024
# How often that is doubled while none is found. The last look is at 4096 pixels, which
# bounds the work (about 16 megapixels) whatever the photograph's size.
_DOUBLINGS = 2

# Where the points of `ibug.CHIP` lie in the unit square of dlib's mean face (Boost
# licence; dlib/image_transforms/interpolation.h, get_face_chip_details).
# fmt: off
_CHIP_X = (
    0.490127, 0.490127, 0.490127, 0.490127,  # bridge of the nose
    0.36688, 0.426036, 0.490127, 0.554217, 0.613373,  # its base
    0.121737, 0.187122, 0.265825, 0.334606, 0.260918, 0.182743,  # eye on the left
    0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335,  # eye on the right
    0.254149, 0.340985, 0.428858, 0.490127, 0.551395, 0.639268, 0.726104,  # upper lip
    0.290379, 0.428096, 0.490127, 0.552157, 0.689874,  # its inner edge
)
_CHIP_Y = (
    0.203352, 0.307009, 0.409805, 0.515625,
    0.587326, 0.609345, 0.628106, 0.609345, 0.587326,
    0.216423, 0.178758, 0.179852, 0.231733, 0.245099, 0.244077,
    0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099,
    0.780233, 0.745405, 0.727388, 0.742578, 0.727388, 0.745405, 0.780233,
    0.784792, 0.778746, 0.785343, 0.778746, 0.784792,
)
# fmt: on


@dataclasses.dataclass(frozen=True)
class Box:
    """A face's box in pixels; all four sides belong to it, and may lie outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1

    def centre(self) -> np.ndarray:
        """`[2]`, x and y."""
        return np.array([self.left + self.right, self.top + self.bottom]) / 2


def detect(image_u8: np.ndarray) -> list[Box]:
    """Finds upright frontal faces, the largest first.

    Looks at a copy reduced to 1024 pixels; while that shows no face, at one twice as
    large, up to four times the photograph's own size, so small faces are found too.

    Args:
        image_u8: `[H, W, 3]` uint8 RGB.

    Returns:
        Boxes in the pixels of `image_u8`; empty if no face is found.
    """
    height, width = image_u8.shape[:2]
    first = min(1.0, _FIRST_SIDE / max(height, width))
    for doubling in range(_DOUBLINGS + 1):
        boxes = _detect_at(image_u8, first * 2**doubling)
        if boxes:
            return sorted(boxes, key=lambda box: box.width * box.height, reverse=True)
    return []


def scored(image_u8: np.ndarray) -> list[tuple[Box, float]]:
    """Finds upright frontal faces of 80 pixels and more, with the detector's scores.

    Args:
        image_u8: `[H, W, 3]` uint8 RGB.

    Returns:
        Boxes; a face that is well seen has 1 to 3, what is none seldom more than 0.5.
    """
    found, scores, _ = _detector().run(np.ascontiguousarray(image_u8), 0, 0.0)
    return [(_unscaled(x, 1.0), y) for x, y in zip(found, scores, strict=True)]


def resized(image_u8: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales `[H, W, 3]` uint8 to a width and height, in which faces are looked for.

    One colour after the other: as one picture of Pillow's, 128 megapixels take half a GB.
    """
    layers = (Image.fromarray(image_u8[..., i]) for i in range(3))
    scaled = [np.asarray(x.resize(size, Image.Resampling.BILINEAR)) for x in layers]
    return np.stack(scaled, axis=-1)


def choose(boxes: Sequence[Box], index: int | None = None, name: str = "") -> Box:
    """Chooses one face of a photograph.

    Args:
        boxes: the faces, the largest first.
        index: which one, counted from 1; without it the largest, with a warning if
            there are several.
        name: what the warning calls the photograph.

    Raises:
        PieError: there is no face, or none of that number.
    """
    if not boxes:
        raise PieError(
            "no face found. Use a photograph in which a face is seen from the front, "
            "upright, sharp and not covered; crop to the head, or turn the picture if "
            "it lies on its side."
        )
    if index is None:
        if len(boxes) > 1:
            logging.warning(
                "%s%d faces found, the largest is used; `pie align --face N` cuts out "
                "another:\n%s",
                f"{name}: " if name else "",
                len(boxes),
                _listing(boxes),
            )
        return boxes[0]
    if not 1 <= index <= len(boxes):
        raise PieError(
            f"there is no face {index}; the faces found, by size, are:\n"
            f"{_listing(boxes)}\nTo use a face that is not listed, crop to its head."
        )
    return boxes[index - 1]


def landmarks68(image_u8: np.ndarray, box: Box) -> np.ndarray:
    """Finds the 68 landmarks (iBUG order) of the face in `box`.

    Args:
        image_u8: `[H, W, 3]` uint8 RGB.
        box: the face as `detect` gives it.

    Returns:
        `[68, 2]` float64 pixels, rounded to integers by dlib.

    Raises:
        PieError: the predictor's file is absent or damaged.
    """
    predictor = _predictor(str(cache.path(LANDMARKS68)))
    rectangle = dlib.rectangle(box.left, box.top, box.right, box.bottom)
    shape = predictor(np.ascontiguousarray(image_u8), rectangle)
    return np.array([(part.x, part.y) for part in shape.parts()], np.float64)


def chip_matrix(
    landmarks68: np.ndarray, size: int = CHIP_SIZE, padding: float = CHIP_PADDING
) -> np.ndarray:
    """Says which image point each pixel of a face chip shows.

    Equal to what dlib's `get_face_chip_details` and `extract_image_chip` do: a least
    squares similarity of scale s from the mean face gives a square of size * s image
    pixels. Its outermost pixels' *centres*, size * s - 1 apart, are shown by those of
    the chip, size - 1 apart, hence the scale (size * s - 1) / (size - 1).

    Args:
        landmarks68: `[68, 2]` pixels of the image.
        size: pixels on a side of the chip.
        padding: what is kept around the mean face, in units of its size.

    Returns:
        `[2, 3]` float64, so that image point = matrix @ (chip x, chip y, 1).
    """
    target = np.asarray(landmarks68, np.float64)[list(ibug.CHIP)]
    placed = similarity.fit(chip_template(size, padding), target)
    middle = placed.goal + placed.linear @ (size / 2 - placed.origin)
    scale = np.hypot(*placed.linear[:, 0])
    linear = placed.linear / scale * (size * scale - 1) / (size - 1)
    offset = middle - linear @ np.full(2, (size - 1) / 2)
    return np.column_stack([linear, offset])


def face_chip(image_u8: np.ndarray, landmarks68: np.ndarray) -> np.ndarray:
    """Cuts out the picture for dlib's recognition network, by dlib itself.

    Args:
        image_u8: `[H, W, 3]` uint8 RGB.
        landmarks68: `[68, 2]` pixels.

    Returns:
        `[150, 150, 3]` uint8 RGB; black where the chip leaves the image.
    """
    template = chip_template()
    points = np.asarray(landmarks68, np.float64)[list(ibug.CHIP)]
    details = dlib.chip_details(
        dlib.dpoints([dlib.dpoint(x, y) for x, y in template]),
        dlib.dpoints([dlib.dpoint(x, y) for x, y in points]),
        dlib.chip_dims(CHIP_SIZE, CHIP_SIZE),
    )
    return dlib.extract_image_chip(np.ascontiguousarray(image_u8), details)


def _detect_at(image_u8: np.ndarray, scale: float) -> list[Box]:
    if scale != 1:
        height, width = image_u8.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image_u8 = resized(image_u8, size)
    found = _detector()(np.ascontiguousarray(image_u8), 0)
    return [_unscaled(rectangle, scale) for rectangle in found]


def _unscaled(rectangle: dlib.rectangle, scale: float) -> Box:
    return Box(
        left=round(rectangle.left() / scale),
        top=round(rectangle.top() / scale),
        right=round((rectangle.right() + 1) / scale) - 1,
        bottom=round((rectangle.bottom() + 1) / scale) - 1,
    )


def chip_template(size: int = CHIP_SIZE, padding: float = CHIP_PADDING) -> np.ndarray:
    """Where the landmarks `ibug.CHIP` lie in a face chip, in pixels; args as of
    `chip_matrix`."""
    unit = np.stack([_CHIP_X, _CHIP_Y], axis=1)
    return (unit + padding) / (1 + 2 * padding) * size


def _listing(boxes: Sequence[Box]) -> str:
    return "\n".join(
        f"  {number}: {box.width} x {box.height} pixels, left {box.left}, top {box.top}"
        for number, box in enumerate(boxes, start=1)
    )


def read_files() -> None:
    """Reads dlib's files, which takes as long as an edit: beside other work, if you can.

    Raises:
        PieError: the predictor's file is absent or damaged.
    """
    _detector()
    _predictor(str(cache.path(LANDMARKS68)))


@functools.cache
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


@functools.cache
def _predictor(path: str) -> dlib.shape_predictor:
    try:
        return dlib.shape_predictor(path)
    except RuntimeError as error:
        raise PieError(
            f"{path}: the landmark predictor is absent or damaged; run `pie weights`."
        ) from error
