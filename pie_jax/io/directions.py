"""Reads InterFaceGAN's boundaries: .npy files of one unit vector `[1, 512]`."""

from pathlib import Path

import numpy as np

from pie_jax.core.errors import PieError
from pie_jax.io import npy, reading

_ENDING = "_boundary"


@reading.reader
def read(path: Path) -> np.ndarray:
    """Reads the normal of a boundary in W.

    The files of genforce/interfacegan tell by their names only in which space they are:
    `stylegan_ffhq_age_w_boundary.npy` is in W, `stylegan_ffhq_age_boundary.npy` in Z.

    Returns:
        `[512]` float32, a unit vector.

    Raises:
        PieError: the file cannot be read, is of another shape, no unit vector, or
            called as those in Z are.
    """
    if path.stem.endswith(_ENDING) and not path.stem.endswith(f"_w{_ENDING}"):
        wanted = path.stem.removesuffix(_ENDING) + f"_w{_ENDING}.npy"
        raise PieError(
            f"{path} is a boundary in Z, by its name; a code of a photograph is in W. "
            f"Take {wanted} of the same publisher"
        )
    array = npy.read_npy(path)
    if array.shape not in ((1, 512), (512,)):
        raise PieError(f"{path} has shape {array.shape}; expected (1, 512)")
    direction = array.reshape(512)
    length = np.linalg.norm(direction.astype(np.float64))
    if not abs(length - 1) < 1e-3:
        raise PieError(f"{path} has length {length:.4g}; a boundary's normal has 1")
    return direction.astype(np.float32)
