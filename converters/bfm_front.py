"""The face model of Deep3DFaceRecon (`BFM_model_front.mat`).

It is the front of the Basel Face Model 2009 with FaceWarehouse's expressions, as Deep3D
FaceRecon's own script makes it: decimetres, colours from 0 to 255, bases times their
standard deviations, indices from one. Its camera is here the one that the network was
trained with, so that the network's coefficients fit it (`pie_jax.face.deep3d`).
"""

from pathlib import Path

import numpy as np
from pie_jax.converters.face_model import Parts

from pie_jax.converters import face_model, matlab_file, named_arrays, user_file
from pie_jax.io import reading
from pie_jax.networks.deep3d import FRAME_FOCAL

_UNUSED = ("__", "point_buf", "frontmask2_idx", "tri_mask2", "skinmask")


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays for `pie_jax.face.morphable.from_arrays`, and what is known of them.

    Raises:
        PieError: the file cannot be read, or does not hold the model as it is
            published; then every difference is listed.
    """
    file = user_file.read(path)
    content = matlab_file.read(file)
    size = named_arrays.size_of(content.get("meanshape")) // 3 * 3
    shapes: dict[str, named_arrays.Shape] = {
        "meanshape": (1, size),
        "idBase": (size, 80),
        "exBase": (size, 64),
        "meantex": (1, size),
        "texBase": (size, 80),
        "tri": (None, 3),
        "keypoints": (1, 68),
    }
    found = named_arrays.numbers(content, shapes, file.name, ignored=_UNUSED)

    def vertices(name: str) -> np.ndarray:
        return named_arrays.indices(found[name], size // 3, name, file.name, first=1)

    mean = found["meanshape"].reshape(-1, 3)
    parts = Parts(
        mean=mean - mean.mean(axis=0),
        triangles=vertices("tri"),
        identity=basis(found["idBase"]),
        expression=basis(found["exBase"]),
        albedo_mean=found["meantex"].reshape(-1, 3) / 255,
        albedo=basis(found["texBase"]) / 255,
        landmarks=vertices("keypoints")[0],
        focal=FRAME_FOCAL,
    )
    info = {"model": "Basel Face Model 2009, front", "vertices": str(size // 3)}
    return face_model.arrays(parts, file.name), info | file.identity()


def basis(columns: np.ndarray, deviations: np.ndarray | None = None) -> np.ndarray:
    """The first components `[K, V, 3]`, as many as are used, of one standard deviation
    each: of columns `[3 V, K]`, coordinates of each vertex together, and what they are
    to be multiplied by, `[K]`."""
    used = columns[:, : face_model.MOST]
    if deviations is not None:
        used = used * deviations[: face_model.MOST]
    return used.T.reshape(used.shape[1], -1, 3)
