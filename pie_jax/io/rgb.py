"""A decoded picture as upright 8-bit sRGB on white.

All is done by bands of rows: of 128 megapixels every further copy takes half a GB.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from pie_jax.io import profiles

_BAND = 1 << 20
"""Pixels of a band."""

# What Pillow raises for damaged EXIF and XMP.
_UNREADABLE = (
    *(SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error),
    *(ArithmeticError, AttributeError, RecursionError),
)

# How what is stored lies in the upright picture, by EXIF orientation.
_STORED: dict[Any, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
_LYING = (5, 6, 7, 8)

# What pictures of a mode are without their transparency; others are RGB.
_MODES = {"CMYK": "CMYK"} | dict.fromkeys(
    ("1", "L", "LA", "La", "F", "I", "I;16", "I;16L", "I;16B", "I;16N"), "L"
)


def rgb_u8(image: Image.Image, name: str, *, alpha: bool = False) -> np.ndarray:
    """The picture as it is meant to be seen.

    Args:
        image: loaded, of any mode.
        name: what warnings call it.
        alpha: whether it shall not be laid on white.

    Returns:
        `[H, W, 3]` uint8 RGB; with alpha `[H, W, 4]` RGBA.

    Raises:
        ValueError: a pixel is not a finite number.
    """
    orientation = _orientation(image)
    width, height = image.size
    lying = orientation in _LYING
    shape = (width, height) if lying else (height, width)
    upright = np.empty((*shape, 4 if alpha else 3), np.uint8)
    stored = _STORED.get(orientation, np.asarray)(upright)
    mode = _MODES.get(image.mode, "RGB")
    opaque = _uncovered if alpha else _opaque(image)
    to_srgb = profiles.to_srgb(image.info.get("icc_profile", b""), mode, name)
    for top, band in _bands(image):
        shown = to_srgb(opaque(band).convert(mode))
        rows = stored[top : top + band.height]
        rows[..., :3] = np.asarray(shown)
        if alpha:
            rows[..., 3] = np.asarray(band.convert("RGBA").getchannel("A"))
    return upright


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except _UNREADABLE:  # metadata must not hide a readable picture
        return None


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The first row of each, and its pixels."""
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _opaque(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """What makes parts of a picture opaque, and of 8 bits."""
    if image.mode[0] in "IF":
        white, inverted = _white(image), _is_white_zero(image)
        return lambda part: Image.fromarray(
            _grey_u8(np.asarray(part), white, inverted=inverted)
        )
    return _on_white if image.has_transparency_data else lambda part: part


def _white(image: Image.Image) -> float:
    """The value of white in a picture of more than 8 bits, which Pillow would clip.

    Integers are read as 16 bits. Floats have no agreed white: the smallest usual one
    that holds them all, 1, 255 or 65535, and their maximum beyond.
    """
    if image.mode != "F":
        return 65535
    top = max(float(np.asarray(band).max()) for _, band in _bands(image))
    return next((white for white in (1, 255, 65535) if top <= white), top)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white to black, which Pillow minds in 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(ExifTags.Base.PhotometricInterpretation) == 0


def _grey_u8(values: np.ndarray, white: float, *, inverted: bool = False) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("some pixels are not finite numbers")
    scaled = values.astype(np.float32) / np.float32(white)
    if inverted:
        scaled = 1 - scaled
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def _on_white(band: Image.Image) -> Image.Image:
    layer = band.convert("RGBA")
    page = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(page, layer).convert("RGB")


def _uncovered(band: Image.Image) -> Image.Image:
    return band.convert("RGBA").convert("RGB")
