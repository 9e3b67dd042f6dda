"""The FFHQ crop: a face from a photograph into the frame that generators know.

The crop is the one published with the FFHQ data set (Karras, Laine and Aila, "A
Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019): an
oriented square placed by eyes and mouth; where it leaves the photograph, a reflection
that blurs and fades to the median colour.

All points are `[..., 2]` pixels, x right and y down, integers at pixel centres, as in
`faces`. Pillow counts from the outline instead; the half pixel between them is added
where Pillow is called.
"""

import dataclasses
from typing import Any, Self

import numpy as np
from PIL import Image, ImageFilter, ImageStat

from pie_jax.core.errors import PieError

SIZE = 1024
"""Pixels on a side of the FFHQ pictures."""

# Published constants of the crop, in units of the distances or sides named.
_EYES_WEIGHT = 2.0  # half a side, from the distance of the eyes
_MOUTH_WEIGHT = 1.8  # half a side, from the distance of eyes and mouth
_CENTRE_DOWN = 0.1  # the centre below the eyes, from that same distance
_BORDER = 0.1  # photograph kept around the square, in sides
_PADDING = 0.3  # least width of the reflected margin, in sides
_BLUR = 0.02  # deviation of the margin's blur, in sides
_SUPERSAMPLING = 4

_LARGEST = 1_000_000
"""Pixels: no photograph is longer, and no face lies farther away."""


@dataclasses.dataclass(frozen=True, eq=False)
class Alignment:
    """The affine map between a photograph and its aligned picture.

    Attributes:
        quad: `[4, 2]` photo points of the picture's outline corners: top left, bottom
            left, bottom right, top right. They may lie outside the photograph.
        photo_size: width and height of the photograph in pixels.
        size: pixels on a side of the aligned picture.
        landmarks: `[68, 2]` photo points (iBUG order); None where nobody looked.
    """

    quad: np.ndarray
    photo_size: tuple[int, int]
    size: int
    landmarks: np.ndarray | None

    def matrix(self) -> np.ndarray:
        """`[2, 3]` float64: photo point = matrix @ (aligned x, aligned y, 1)."""
        top_left, bottom_left, _, top_right = self.quad
        right = (top_right - top_left) / self.size
        down = (bottom_left - top_left) / self.size
        return np.column_stack([right, down, top_left + (right + down) / 2])

    def to_photo(self, points: np.ndarray) -> np.ndarray:
        """Maps `[..., 2]` points of the aligned picture to the photograph."""
        matrix = self.matrix()
        return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]

    def to_aligned(self, points: np.ndarray) -> np.ndarray:
        """Maps `[..., 2]` points of the photograph to the aligned picture."""
        matrix = self.matrix()
        inverse = np.linalg.inv(matrix[:, :2])
        return (np.asarray(points, np.float64) - matrix[:, 2]) @ inverse.T

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, which JSON keeps exactly."""
        return {
            "quad": self.quad.tolist(),
            "photo_size": list(self.photo_size),
            "size": self.size,
            "landmarks": None if self.landmarks is None else self.landmarks.tolist(),
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            PieError: the record is not one that `to_dict` wrote.
        """
        try:
            width, height = (_length(x) for x in record["photo_size"])
            landmarks = record["landmarks"]
            quad = _points(record["quad"], 4)
            if not 0.5 < abs(np.linalg.det(quad[[1, 3]] - quad[0])) < np.inf:
                raise ValueError("the quad has no area")
            if (quad.max(0) < 0).any() or (quad.min(0) > (width, height)).any():
                raise ValueError("the quad is beside the photograph")
            return cls(
                quad=quad,
                photo_size=(width, height),
                size=_length(record["size"]),
                landmarks=None if landmarks is None else _points(landmarks, 68),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise PieError(
                "expected an alignment with quad [4, 2], photo_size [2], size and "
                f"landmarks [68, 2], got another record ({error!r}); align the "
                "photograph again."
            ) from error


def _points(values: Any, count: int) -> np.ndarray:
    points = np.array(values, np.float64).reshape(count, 2)
    if not (np.abs(points) < _LARGEST).all():
        raise ValueError("a point is not finite, or far outside")
    return points


def _length(value: Any) -> int:
    if isinstance(value, bool) or not 1 <= value <= _LARGEST or int(value) != value:
        raise ValueError(f"{value!r:.20} is no number of pixels")
    return int(value)


def whole(width: int, size: int = SIZE) -> Alignment:
    """The alignment of a square photograph that is in the frame already.

    Args:
        width: pixels on a side of the photograph.
        size: pixels on a side of the aligned picture.
    """
    low, high = -0.5, width - 0.5
    quad = np.array([[low, low], [low, high], [high, high], [high, low]])
    return Alignment(quad, (width, width), size, landmarks=None)


def portrait_quad(landmarks68: np.ndarray) -> np.ndarray:
    """Places the FFHQ square on a face.

    Args:
        landmarks68: `[68, 2]` pixels (iBUG order).

    Returns:
        `[4, 2]` corners: top left, bottom left, bottom right, top right.

    Raises:
        ValueError: the landmarks do not span a face.
    """
    points = np.asarray(landmarks68, np.float64)
    if points.shape != (68, 2):
        raise ValueError(f"expected landmarks [68, 2], got {points.shape}")
    eye_left, eye_right = points[36:42].mean(0), points[42:48].mean(0)
    eyes = (eye_left + eye_right) / 2
    eye_to_eye = eye_right - eye_left
    eye_to_mouth = (points[48] + points[54]) / 2 - eyes
    # Both say which way the head's right is; the sum halves the error of either.
    across = eye_to_eye - _quarter_turn(eye_to_mouth)
    length = np.linalg.norm(across)
    if not length > 0:
        raise ValueError("expected the landmarks of a face, got eyes and mouth as one")
    half_side = max(
        _EYES_WEIGHT * np.linalg.norm(eye_to_eye),
        _MOUTH_WEIGHT * np.linalg.norm(eye_to_mouth),
    )
    x = across / length * half_side
    y = _quarter_turn(x)
    centre = eyes + _CENTRE_DOWN * eye_to_mouth
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def align(
    photo_u8: np.ndarray, landmarks68: np.ndarray, size: int = SIZE
) -> tuple[np.ndarray, Alignment]:
    """Cuts a face out of a photograph as FFHQ does.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        landmarks68: `[68, 2]` pixels of the photograph.
        size: pixels on a side of the result.

    Returns:
        `[size, size, 3]` uint8 RGB, and where it lies in the photograph.
    """
    quad = portrait_quad(landmarks68)
    height, width = photo_u8.shape[:2]
    alignment = Alignment(
        quad=quad,
        photo_size=(width, height),
        size=size,
        landmarks=np.asarray(landmarks68, np.float64),
    )
    return cut(photo_u8, quad, size), alignment


def cut(
    photo_u8: np.ndarray, quad: np.ndarray, size: int, *, fade: bool = True
) -> np.ndarray:
    """Cuts an oriented square out of a photograph as FFHQ does.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        quad: `[4, 2]` corners, as of `Alignment`; where they leave the photograph, it
            is continued.
        size: pixels on a side of the result.
        fade: whether what continues it blurs and fades, as in FFHQ, which begins
            inside the photograph; else it is the plain reflection.

    Returns:
        `[size, size, 3]` uint8 RGB.
    """
    photo = Image.fromarray(photo_u8)
    photo, quad = _shrink(photo, quad + 0.5, size)
    photo, quad = _crop(photo, quad)
    photo, quad = _pad(photo, quad, fade)
    return np.array(_sample(photo, quad, size))


def moved_quad(
    size: int, origin: np.ndarray, goal: np.ndarray, angle: float
) -> np.ndarray:
    """The square of a picture in which it appears moved and turned.

    Args:
        size: pixels on a side of the picture.
        origin: `[2]`, a point of the picture.
        goal: `[2]`, where that point is to appear.
        angle: radians by which the picture turns about it, counter-clockwise as the
            viewer sees it.

    Returns:
        `[4, 2]` corners, for `cut`.
    """
    away = whole(size).quad - goal
    cosine, sine = np.cos(angle), np.sin(angle)
    # The frame turns against what is seen in it, and y points down.
    return away @ np.array([[cosine, sine], [-sine, cosine]]) + origin


def within(quad: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What `cut` shows of a mask, which is 0 beyond the outline.

    Args:
        quad: `[4, 2]`, as of `cut`.
        mask: `[R, R]`.

    Returns:
        `[R, R]` float32.
    """
    size = len(mask)
    right, down = (quad[3] - quad[0]) / size, (quad[1] - quad[0]) / size
    rows = np.column_stack([right, down, quad[0] + 0.5])
    moved = Image.fromarray(np.float32(mask)).transform(
        (size, size),
        Image.Transform.AFFINE,
        rows.ravel().tolist(),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(moved)


def _quarter_turn(vector: np.ndarray) -> np.ndarray:
    """Turns `[2]` by 90 degrees, from x (right) to y (down)."""
    return np.array([-vector[1], vector[0]])


def _side(quad: np.ndarray) -> float:
    return float(np.linalg.norm(quad[3] - quad[0]))


def _shrink(
    photo: Image.Image, quad: np.ndarray, size: int
) -> tuple[Image.Image, np.ndarray]:
    """Reduces a photograph with much more detail than the result can hold."""
    factor = int(_side(quad) / size / 2)
    if factor < 2:
        return photo, quad
    width, height = photo.size
    reduced = max(1, round(width / factor)), max(1, round(height / factor))
    # Not 1 / factor: the reduced picture is a whole number of pixels, and the quad
    # must follow what was really done to keep its place to a fraction of a pixel.
    scale = np.array(reduced) / np.array(photo.size)
    return photo.resize(reduced, Image.Resampling.LANCZOS), quad * scale


def _border(quad: np.ndarray) -> int:
    return max(round(_BORDER * _side(quad)), 3)


def _bounds(quad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last corner, `[2]` each, of the whole pixels around the quad."""
    low, high = np.floor(quad.min(0)), np.ceil(quad.max(0))
    return low.astype(int) - _border(quad), high.astype(int) + _border(quad)


def _crop(photo: Image.Image, quad: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """Keeps what is near the quad, so that the rest costs nothing."""
    low, high = _bounds(quad)
    # At least one pixel stays, even where the quad misses the photograph.
    low = np.clip(low, 0, np.array(photo.size) - 1)
    high = np.clip(high, low + 1, photo.size)
    return photo.crop((*low.tolist(), *high.tolist())), quad - low


def _pad(
    photo: Image.Image, quad: np.ndarray, fade: bool
) -> tuple[Image.Image, np.ndarray]:
    """Continues the photograph where the quad comes near or beyond its edge."""
    low, high = _bounds(quad)
    before, after = np.maximum(-low, 0), np.maximum(high - photo.size, 0)
    # Less missing than the border itself by a few pixels still leaves the quad inside.
    if max(*before, *after) <= _border(quad) - 4:
        return photo, quad
    least = round(_PADDING * _side(quad))
    before, after = np.maximum(before, least), np.maximum(after, least)
    margins = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    pixels = np.asarray(photo)
    # A photograph of one pixel cannot be reflected in its own edge.
    if min(photo.size) > 1:
        padded = Image.fromarray(np.pad(pixels, margins, mode="reflect"))
    else:
        padded = Image.fromarray(np.pad(pixels, margins, mode="edge"))
    if not fade:
        return padded, quad + before
    depth = np.maximum(
        _depth(padded.width, before[0], after[0])[None, :],
        _depth(padded.height, before[1], after[1])[:, None],
    )
    blurred = padded.filter(ImageFilter.GaussianBlur(_BLUR * _side(quad)))
    # The blur begins a third of a margin inside the photograph, so no edge is seen.
    padded = Image.composite(blurred, padded, _as_mask(3 * depth + 1))
    median = tuple(ImageStat.Stat(padded).median)
    plain = Image.new("RGB", padded.size, median)
    return Image.composite(plain, padded, _as_mask(depth)), quad + before


def _depth(length: int, before: int, after: int) -> np.ndarray:
    """How deep each of `[length]` pixels lies in the margins.

    1 at the outermost pixel, 0 at the photograph's edge, negative inside.
    """
    pixel = np.arange(length, dtype=np.float32)
    return 1 - np.minimum(pixel / before, pixel[::-1] / after)


def _as_mask(weight: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(weight, 0, 1) * 255).astype(np.uint8))


def _sample(photo: Image.Image, quad: np.ndarray, size: int) -> Image.Image:
    """Resamples the quad at four times the resolution, then reduces."""
    fine = size * _SUPERSAMPLING
    right, down = (quad[3] - quad[0]) / fine, (quad[1] - quad[0]) / fine
    rows = np.column_stack([right, down, quad[0]])
    sampled = photo.transform(
        (fine, fine),
        Image.Transform.AFFINE,
        rows.ravel().tolist(),
        Image.Resampling.BILINEAR,
    )
    return sampled.resize((size, size), Image.Resampling.LANCZOS)
