"""Moving pictures, written as GIF."""

from pathlib import Path

import numpy as np
from PIL import Image

from pie_jax.io import atomic


def write_gif(
    path: Path, frames_u8: np.ndarray, seconds: float, comment: str = ""
) -> None:
    """Writes a GIF that repeats for ever, all or nothing.

    Args:
        path: the file; its folder exists.
        frames_u8: `[F, H, W, 3]` uint8 RGB.
        seconds: of one whole run.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
    """
    # One palette for all frames: else colours flicker from frame to frame.
    first = Image.fromarray(np.concatenate(list(frames_u8)))
    palette = first.quantize(256, Image.Quantize.MEDIANCUT)
    frames = [Image.fromarray(frame).quantize(palette=palette) for frame in frames_u8]
    # Players round to hundredths of a second, and take less than two for ten.
    milliseconds = max(20, round(100 * seconds / len(frames)) * 10)
    with atomic.writing(path) as file:
        frames[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
            comment=comment.encode(),
        )
