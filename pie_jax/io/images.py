"""Photographs as uint8 RGB arrays, read from and written to files.

Arrays are `[H, W, 3]`, RGB, row 0 at the top. `from_u8` and `to_u8` convert between
uint8 and the float32 range [-1, 1] of the networks, on the host.
"""

import io
import os
import re
import stat
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, reading, rgb
from pie_jax.io.plainer import plainer

MAX_PIXELS = 128_000_000
"""Larger pictures are refused before they are decoded. Cameras and telephones of 108
megapixels pass; reading them takes at most 1 GB: 0.5 as Pillow decodes them, 0.4 for the
array (Pillow's own limits, a warning at 89 and an error at 179 megapixels, lie on both
sides)."""
MAX_PIXELS_HELD = 50_000_000
"""The same for what decoders hold several times over, as they do JPEGs of several scans;
fewer, if it has more than three channels."""

MAX_SIDE = 100_000
"""Pixels of a side. Every row takes memory, however short."""

# Scans of a JPEG, each of all its pixels: some ten are usual in progressive ones, and a
# scan of nothing takes a few bytes of the file and a second.
_MAX_SCANNED = 1_000_000_000
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_SCAN, _END = 0xDA, 0xD9
_ALONE = (0x01, 0xD8)  # markers without a length
_HELD = ("WEBP", "AVIF", "JPEG2000")

T = TypeVar("T")

XMP = "XML:com.adobe.xmp"
"""Keyword of the text chunk that is an XMP packet, always in UTF-8."""

# Formats that carry photographs. Pillow also opens formats that are read by running
# another program (EPS) or that hold no pixels of their own: never asked for here.
_FORMATS = (
    *("JPEG", "JPEG2000", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "DIB", "GIF", "PPM"),
    *("TGA", "ICO", "PCX", "QOI", "SGI"),
)


def read(path: str | Path) -> np.ndarray:
    """Reads a photograph as it is meant to be seen: `[H, W, 3]` uint8 RGB.

    The EXIF rotation is applied. Transparent pictures are laid on white: the page on
    which they are mostly shown, so the result is the picture that the user knows.
    Embedded colour profiles are converted to sRGB. Grey, palette, CMYK and 16-bit
    pictures become 8-bit RGB; of an animation the first frame is taken. Metadata that
    cannot be read is left out, with a warning where that may change colours.

    Raises:
        PieError: the file is absent, not a picture, damaged, or larger than
            `MAX_PIXELS`, `MAX_PIXELS_HELD` or `MAX_SIDE`; the message names the file.
    """
    return _read(Path(path), _decoded)


def read_rgba(path: str | Path) -> np.ndarray | None:
    """Reads a transparent photograph as `read` does, but for the white.

    Args:
        path: the file.

    Returns:
        `[H, W, 4]` uint8 RGBA; None where the photograph has no transparency.

    Raises:
        PieError: as `read`.
    """
    return _read(Path(path), _transparent)


def check_source(path: Path) -> None:
    """Raises PieError if `path` is not a file with something in it."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PieError(f"{path}: no such file; check the name.") from error
    except OSError as error:  # a folder on the way that may not be entered, say
        raise PieError(f"{path}: cannot be read ({error.strerror}).") from error
    if stat.S_ISDIR(found.st_mode):
        raise PieError(f"{path}: expected a photograph, found a folder; name a file.")
    reading.check_ordinary(path)
    if found.st_size == 0:
        raise PieError(f"{path}: the file is empty; copy or download it again.")


def check_destination(path: Path, suffixes: Sequence[str] = (".png",)) -> None:
    """Raises PieError if no file can be written to `path`, whose name ends in one of
    `suffixes` (lower case), so as to fail before work."""
    if path.suffix.lower() not in suffixes:
        raise PieError(f"{path}: end the name in {' or '.join(suffixes)}.")
    if path.is_dir():
        raise PieError(f"{path}: is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise PieError(f"{path}: there is no folder {path.parent}; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise atomic.not_writable(path, "the folder is read-only")


def write_png(
    path: str | Path, image_u8: np.ndarray, *, text: Mapping[str, str] | None = None
) -> None:
    """Writes a PNG so that the file is either complete or as it was before.

    Args:
        path: the file; its folder exists.
        image_u8: `[H, W, 3]` uint8 RGB, or `[H, W, 4]` RGBA.
        text: metadata: text chunks by keyword; `XMP` may be one of them.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
        ValueError: `image_u8` is not such an array.
    """
    content = encode_png(image_u8, text=text)
    with atomic.writing(Path(path)) as file:
        file.write(content)


def encode_png(image_u8: np.ndarray, *, text: Mapping[str, str] | None = None) -> bytes:
    """The content of a PNG; arguments and ValueError as of `write_png`."""
    image_u8 = np.asarray(image_u8)
    shape = image_u8.shape
    if image_u8.dtype != np.uint8 or len(shape) != 3 or shape[2] not in (3, 4):
        raise ValueError(
            f"expected uint8 [H, W, 3 or 4], got {image_u8.dtype} {image_u8.shape}"
        )
    chunks = PngImagePlugin.PngInfo()
    for keyword, value in (text or {}).items():
        add = chunks.add_itxt if keyword == XMP else chunks.add_text
        add(keyword, value)
    content = io.BytesIO()
    Image.fromarray(image_u8).save(content, format="PNG", pnginfo=chunks)
    return content.getvalue()


def write_npy(path: Path, image: np.ndarray) -> None:
    """Writes the networks' own output `[..., H, W, 3]`, float32 in about [-1, 1], all
    or nothing; errors as of `write_png`."""
    with atomic.writing(path) as file:
        np.save(file, image)


def read_text(path: str | Path) -> dict[str, str]:
    """The texts by keyword before the pixels of a PNG that `read` has read.

    Other kinds of files have none.
    """
    return _use(Path(path), _text)


def from_u8(image_u8: np.ndarray) -> np.ndarray:
    """Converts uint8 `[...]` in [0, 255] to float32 in [-1, 1]."""
    return np.asarray(image_u8, np.float32) / np.float32(127.5) - np.float32(1)


def to_u8(image: np.ndarray) -> np.ndarray:
    """Converts float `[...]` in [-1, 1], clipped to it, to the nearest uint8.

    Raises:
        ValueError: a value is not finite.
    """
    image = np.asarray(image, np.float32)
    if not np.isfinite(image).all():
        raise ValueError("expected finite values in [-1, 1], got NaN or infinity")
    return np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)


def _known_formats() -> list[str]:
    Image.init()  # which decoders exist depends on how Pillow was built
    return [name for name in _FORMATS if name in Image.OPEN]


def _read(path: Path, function: Callable[[Path, Image.Image], T]) -> T:
    """Calls a function with the opened picture; what it raises becomes a PieError."""
    check_source(path)
    try:
        return _use(path, function)
    except PieError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error), MAX_PIXELS) from error
    except UnidentifiedImageError as error:
        raise PieError(
            f"{path}: expected a photograph (JPEG, PNG, WebP, TIFF, ...), found "
            "something else. Save it as JPEG or PNG (HEIC and raw files need "
            "converting first)."
        ) from error
    except PermissionError as error:
        raise PieError(f"{path}: no permission to read this file.") from error
    except MemoryError as error:
        raise PieError(f"{path}: not enough memory to decode; reduce it.") from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise PieError(
            f"{path}: the picture is truncated or damaged ({error}). Copy or download "
            "it again, or save it anew from a program that still opens it."
        ) from error


def _use(path: Path, function: Callable[[Path, Image.Image], T]) -> T:
    """Calls a function with the opened picture, and if that fails with a plainer one."""

    def attempt(source: Path | IO[bytes], info: Mapping[str, bytes | None]) -> T:
        # Warnings of the decoders (odd metadata, Pillow's lower limit on the size) are
        # not for the user: what matters is checked here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=_known_formats()) as image:
                image.info.update(info)
                return function(path, image)

    try:
        return attempt(path, {})
    except (PieError, MemoryError):
        raise
    except Exception:  # of a text that is too long, say
        plain = plainer(path)
        if plain is None:
            raise
        return attempt(*plain)


def _decoded(path: Path, image: Image.Image) -> np.ndarray:
    _check_size(path, image)
    image.load()
    _check_size(path, image)  # that of the picture in an icon shows only now
    return rgb.rgb_u8(image, str(path))


def _transparent(path: Path, image: Image.Image) -> np.ndarray | None:
    _check_size(path, image)
    image.load()
    if not image.has_transparency_data or image.mode.startswith("I"):
        return None
    return rgb.rgb_u8(image, str(path), alpha=True)


def _text(path: Path, image: Image.Image) -> dict[str, str]:
    if image.format != "PNG":
        return {}
    return {str(k): v for k, v in image.info.items() if isinstance(v, str)}


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    limit, scans = MAX_PIXELS, 1
    if image.format == "JPEG":
        scans = _scans(path.read_bytes())
    if scans > 1 or image.info.get("progressive") or image.format in _HELD:
        limit = min(limit, MAX_PIXELS_HELD * 3 // max(3, len(image.getbands())))
    if width * height > limit or max(width, height) > MAX_SIDE:
        raise _too_large(path, f"{width} x {height} pixels", limit)
    if scans * width * height > _MAX_SCANNED:
        raise _too_large(path, f"{width} x {height} pixels {scans} times", limit)
    if width * height == 0:
        raise PieError(f"{path}: the picture has no pixels ({width} x {height}).")


def _scans(jpeg: bytes) -> int:
    """How often a JPEG goes over its pixels; pictures in its metadata do not count."""
    scans, position = 0, 2
    while found := _MARKER.search(jpeg, position):
        marker, position = found[1][0], found.end()
        if marker == _END:
            break
        scans += marker == _SCAN
        if marker not in _ALONE:
            length = int.from_bytes(jpeg[position : position + 2], "big")
            position += max(length, 2)
    return scans


def _too_large(path: Path, found: str, limit: int) -> PieError:
    return PieError(
        f"{path}: too large to be decoded safely ({found}; the limit is "
        f"{limit // 1_000_000} megapixels). Reduce or crop it first."
    )
