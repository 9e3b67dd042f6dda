"""Contact sheets of pictures and of landmarks on them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pie_jax.io import atomic


def sheet(path: Path, rows: list[np.ndarray]) -> None:
    """Writes rows of equal pictures as one.

    Args:
        path: the file, a PNG or JPEG by its name; its folder exists.
        rows: `[n, H, W, 3]` uint8 each, n the same for all.
    """
    joined = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    form = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    with atomic.replacing(path) as file:
        Image.fromarray(joined).save(file, format=form, quality=90)


def dotted(
    image_u8: np.ndarray, landmarks: np.ndarray, colour: tuple[int, int, int]
) -> np.ndarray:
    """Marks landmarks, `[68, 2]` in fractions of the frame, in `[S, S, 3]` uint8."""
    picture = Image.fromarray(image_u8)
    draw = ImageDraw.Draw(picture)
    for x, y in np.asarray(landmarks) * len(image_u8) - 0.5:
        draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=colour)
    return np.asarray(picture)
