"""Photographs as uint8 RGB arrays, read from and written to files.

Arrays are `[H, W, 3]`, RGB, row 0 at the top. `from_u8` and `to_u8` convert between
uint8 and the float32 range [-1, 1] of the networks, on the host.
"""

import io
import os
import stat
import struct
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from pie_jax.core.errors import PieError
from pie_jax.io import atomic

MAX_PIXELS = 128_000_000
"""Larger pictures are refused before they are decoded. Cameras and telephones of 108
megapixels pass; the decoded picture needs at most 0.4 GB (Pillow's own limits, a
warning at 89 and an error at 179 megapixels, lie on both sides)."""

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
    pictures become 8-bit RGB; of an animation the first frame is taken.

    Raises:
        PieError: the file is absent, not a picture, damaged, or larger than
            `MAX_PIXELS`; the message names the file.
    """
    path = Path(path)
    check_source(path)
    try:
        # Warnings of the decoders (odd metadata, Pillow's lower limit on the size) are
        # not for the user: what matters is checked here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_known_formats()) as image:
                _check_size(path, image.size)
                image.load()
                return _rgb_u8(_upright(image))
    except PieError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
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
    if not stat.S_ISREG(found.st_mode):
        raise PieError(f"{path}: expected a photograph, found a special file.")
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
        image_u8: `[H, W, 3]` uint8 RGB.
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
    if image_u8.dtype != np.uint8 or image_u8.ndim != 3 or image_u8.shape[2] != 3:
        raise ValueError(
            f"expected uint8 [H, W, 3], got {image_u8.dtype} {image_u8.shape}"
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
    """The text chunks by keyword of a PNG that `read` has read; {} for other kinds."""
    with Image.open(path) as image:
        return {k: v for k, v in getattr(image, "text", {}).items()}


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


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width} x {height} pixels")
    if width * height == 0:
        raise PieError(f"{path}: the picture has no pixels ({width} x {height}).")


def _too_large(path: Path, found: str) -> PieError:
    limit = MAX_PIXELS // 1_000_000
    return PieError(
        f"{path}: too large to be decoded safely ({found}; the limit is {limit} "
        "megapixels). Reduce or crop it first."
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return image  # unreadable metadata must not hide a readable picture


def _rgb_u8(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        grey = _grey_u8(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = _on_white(image)
    return np.array(_to_srgb(image))


def _grey_u8(values: np.ndarray) -> np.ndarray:
    """Scales grey values of more than 8 bits, which Pillow would clip at 255.

    Integers are read as 16 bits. Floats have no agreed white: the smallest usual one
    that holds them all, 1, 255 or 65535, and their maximum beyond.
    """
    if not np.isfinite(values).all():
        raise ValueError("some pixels are not finite numbers")
    whites = (1, 255, 65535) if values.dtype.kind == "f" else (65535,)
    values = values.astype(np.float32)
    top = float(values.max())
    white = next((white for white in whites if top <= white), top)
    return np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    page = Image.new("RGBA", layer.size, "white")
    flat = Image.alpha_composite(page, layer).convert("RGB")
    profile = image.info.get("icc_profile")
    if profile:  # white is white in every RGB space, so the order is free
        flat.info["icc_profile"] = profile
    return flat


def _to_srgb(image: Image.Image) -> Image.Image:
    data = image.info.get("icc_profile")
    if not data or image.mode not in ("L", "RGB", "CMYK"):
        return image.convert("RGB")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(profile):
            return image  # the usual case, kept bit for bit
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        converted = None  # a damaged profile, or one of another mode
    return converted or image.convert("RGB")
