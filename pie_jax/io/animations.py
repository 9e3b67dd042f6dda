"""Moving pictures, written as GIF; with PyAV (the extra `ui`) as MP4 as well."""

import importlib.util
import io
from fractions import Fraction
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


def writes_mp4() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def write_mp4(
    path: Path, frames_u8: np.ndarray, seconds: float, comment: str = ""
) -> None:
    """Writes an MP4 (H.264), all or nothing.

    Args:
        path: the file; its folder exists.
        frames_u8: `[F, H, W, 3]` uint8 RGB.
        seconds: of the whole.
        comment: for the file's metadata.

    Raises:
        ImportError: PyAV is not installed.
        PieError: the folder is absent or read-only, or the disk is full.
    """
    import av  # only where somebody wants a film

    _, height, width, _ = frames_u8.shape
    rate = Fraction(len(frames_u8) / seconds).limit_denominator(1000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        film.metadata["comment"] = comment
        stream = film.add_stream("h264", rate=rate)
        stream.width, stream.height = width - width % 2, height - height % 2
        stream.pix_fmt = "yuv420p"  # what all players know
        stream.options = {"crf": "18"}
        for frame_u8 in frames_u8:
            even = np.ascontiguousarray(frame_u8[: stream.height, : stream.width])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        film.mux(stream.encode())
    with atomic.writing(path) as file:
        file.write(buffer.getvalue())
