"""Real photographs beside the samples: aligned, with dlib's landmarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.samples import shrink
from pie_jax.io import portraits


class RealPortraits(NamedTuple):
    """P photographs.

    Attributes:
        portraits: as `pie embed` reads them, at 1024 pixels.
        image_u8: `[P, size, size, 3]` uint8, averaged.
        landmarks: `[P, 68, 2]` float32 in fractions of the frame.
    """

    portraits: list[portraits.Portrait]
    image_u8: np.ndarray
    landmarks: np.ndarray


def load(paths: Sequence[Path], size: int) -> RealPortraits:
    """Reads photographs; there may be none.

    Args:
        paths: photographs with a face each.
        size: pixels on a side of `image_u8`.

    Raises:
        PieError: one cannot be read or has no face.
    """
    found = [portraits.load_portrait(path) for path in paths]
    image_u8 = np.zeros((len(found), size, size, 3), np.uint8)
    landmarks = np.zeros((len(found), 68, 2), np.float32)
    for i, portrait in enumerate(found):
        image_u8[i] = shrink(portrait.aligned_u8[None], size)[0]
        points = np.asarray(portrait.landmarks)
        landmarks[i] = (points + 0.5) / len(portrait.aligned_u8)
    return RealPortraits(found, image_u8, landmarks)
