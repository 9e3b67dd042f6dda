"""The pictures that networks are measured on: held-out samples and photographs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.samples import Samples, shrink
from pie_jax.photos import portraits
from pie_jax.stack import fetch
from pie_jax.stack.registry import LANDMARKS68


class Pictures(NamedTuple):
    """Aligned pictures `[S, H, H, 3]` uint8, and dlib's landmarks `[S, 68, 2]` in
    fractions of the frame."""

    image_u8: np.ndarray
    landmarks: np.ndarray


def photographs(paths: Sequence[Path], size: int) -> Pictures:
    """Reads photographs with a face each, aligned and averaged to `size` pixels on a side;
    there may be none.

    Raises:
        PieError: one cannot be read or has no face.
    """
    image_u8 = np.zeros((len(paths), size, size, 3), np.uint8)
    landmarks = np.zeros((len(paths), 68, 2), np.float32)
    if paths:
        fetch.ensure(LANDMARKS68)
    for i, path in enumerate(paths):
        portrait = portraits.load_portrait(path)
        image_u8[i] = shrink(portrait.aligned_u8[None], size)[0]
        points = np.asarray(portrait.landmarks)
        landmarks[i] = (points + 0.5) / len(portrait.aligned_u8)
    return Pictures(image_u8, landmarks)


def picture_sets(
    held_out: Samples, paths: Sequence[Path], size: int
) -> dict[str, Pictures]:
    """Sets by name: `held_out`, samples that nothing was trained on, and `real` where
    there are photographs; of `size` pixels on a side."""
    sets = {
        "held_out": Pictures(shrink(held_out.image_u8, size), held_out.landmarks),
        "real": photographs(paths, size),
    }
    return {name: x for name, x in sets.items() if len(x.image_u8)}
