"""Embedded colour profiles (ICC): what brings a picture's colours to sRGB."""

import io
from collections.abc import Callable

import numpy as np
from absl import logging
from PIL import Image, ImageCms

# The mode in which pixels meet a profile, by its colour space and the pixels' own mode.
_MEETING = {
    ("RGB ", "RGB"): "RGB",
    ("RGB ", "L"): "RGB",
    ("GRAY", "L"): "L",
    ("CMYK", "CMYK"): "CMYK",
}
_SAME = 2
"""Levels by which a profile may differ from sRGB everywhere, and count as sRGB."""


def to_srgb(
    profile: bytes | None, mode: str, name: str
) -> Callable[[Image.Image], Image.Image]:
    """What converts a picture to sRGB; what has an sRGB profile stays as it is.

    Args:
        profile: the embedded one; empty where there is none, None where it cannot be read.
        mode: of the pictures: L, RGB or CMYK.
        name: what the warning calls the picture if its profile cannot be used.

    Returns:
        A function of pictures of that mode, whose results are of mode RGB.
    """
    if profile == b"":
        return _plainly
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile or b""))
        meeting = _MEETING[opened.profile.xcolor_space, mode]
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(opened, srgb, meeting, "RGB")
    except (OSError, ValueError, TypeError, KeyError):
        logging.warning(
            "%s: its colour profile is damaged or of another kind than its pixels; "
            "its colours may differ from those that its owner sees",
            name,
        )
        return _plainly
    if meeting == "RGB" and _is_srgb(transform):
        return _plainly
    return lambda picture: transform.apply(picture.convert(meeting))


def _plainly(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB")


def _is_srgb(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.arange(0, 256, 15)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).astype(np.uint8)
    colours = colours.reshape(1, -1, 3)
    changed = np.asarray(transform.apply(Image.fromarray(colours)))
    return int(np.abs(changed.astype(int) - colours).max()) <= _SAME
