"""ICT-FaceKit's light model: a folder of meshes, each of one identity or expression.

Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020. A
component is a mesh minus the neutral one; of identities it has one standard deviation,
of expressions the amount 1. Centimetres. Of the mesh the face is used, without neck,
mouth, eyes and lashes. The light model has no albedo: here all skin has one colour.
"""

import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.basel2009 import renumbered
from pie_jax.converters.face_model import Parts
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import face_model, user_file
from pie_jax.core.errors import PieError
from pie_jax.core.theta import SIZES
from pie_jax.io import reading

NEUTRAL, NAMES = "generic_neutral_mesh.obj", "vertex_indices.json"
IDENTITIES = "identity{:03d}.obj"

_CENTIMETRES = 10.0
"""In a decimetre."""
_AMOUNT = 0.2
"""Standard deviation of an expression's amount, which the publisher does not tell: our
open model's mixtures of the same units have 0.16."""
_SKIN = (0.70, 0.53, 0.45)
"""RGB, between the extremes of human skin."""
_SIDES = {"_L": "Left", "_R": "Right"}
# fmt: off
_LANDMARKS = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608,
    3272, 4088, 3443, 268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527,
    4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742,
    3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518,
    5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
)
# fmt: on


class Layout(NamedTuple):
    """How the vertices are numbered.

    Attributes:
        vertices: how many a mesh has.
        face: how many of them, the first, are the face.
        landmarks: the vertices of the 68 landmarks.
    """

    vertices: int
    face: int
    landmarks: tuple[int, ...]


PUBLISHED = Layout(26719, 9409, _LANDMARKS)


@reading.reader
def convert(
    path: str | Path, layout: Layout = PUBLISHED
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays for `pie_jax.face.morphable.from_arrays`, and what is known of them.

    `path` is the folder `FaceXModel`, or a file in it.

    Raises:
        PieError: files are missing, all of which are listed, or cannot be read, or are
            no meshes of this layout.
    """
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    identities = [IDENTITIES.format(i) for i in range(SIZES["identity"])]
    expressions = _expressions(folder)
    files = [NEUTRAL, *identities, *(f"{name}.obj" for name in expressions)]
    missing = [name for name in files if not (folder / name).exists()]
    if missing:
        raise PieError(f"{folder} lacks files of ICT-FaceKit: {', '.join(missing)}.")
    neutral = user_file.read(folder / NEUTRAL)
    mean = _vertices(neutral, layout)

    def moves(names: list[str]) -> np.ndarray:
        meshes = (_vertices(user_file.read(folder / name), layout) for name in names)
        return np.stack([mesh - mean for mesh in meshes]) / _CENTIMETRES

    kept = np.arange(layout.face)
    parts = Parts(
        mean=mean / _CENTIMETRES,
        triangles=renumbered(_triangles(neutral, layout), kept, layout.vertices),
        identity=moves(identities),
        expression=_AMOUNT * moves([f"{name}.obj" for name in expressions]),
        albedo_mean=np.tile(_SKIN, (layout.face, 1)),
        albedo=np.zeros((0, layout.face, 3)),
        landmarks=np.array(layout.landmarks),
        units={
            unit_name(name): code / _AMOUNT
            for name, code in zip(expressions, np.eye(len(expressions)), strict=True)
        },
    )
    info = {"model": "ICT-FaceKit light", "vertices": str(layout.face)}
    return face_model.arrays(parts, neutral.name), info | neutral.identity()


def unit_name(name: str) -> str:
    """An expression's name as ARKit spells it: `mouthSmileLeft` for `mouthSmile_L`."""
    return name[:-2] + _SIDES[name[-2:]] if name[-2:] in _SIDES else name


def _expressions(folder: Path) -> list[str]:
    """The expressions' names, in the publisher's order."""
    file = user_file.read(folder / NAMES)
    with reading.explained(file.name, "names no expressions"):
        names: Any = json.loads(file.data)["expressions"]
    plain = isinstance(names, list) and all(
        isinstance(name, str) and name.isidentifier() for name in names
    )
    most = SIZES["expression"]
    if not plain or not 0 < len(set(names)) == len(names) <= most:
        raise PieError(f"{file.name} should name up to {most} expressions.")
    return names


def _vertices(file: UserFile, layout: Layout) -> np.ndarray:
    """`[face, 3]` of a mesh's vertices."""
    rows = [line.split()[1:4] for line in _lines(file) if line.startswith("v ")]
    with reading.explained(file.name):
        vertices = np.array(rows, np.float64).reshape(-1, 3)
    if len(vertices) != layout.vertices or not np.isfinite(vertices).all():
        raise PieError(
            f"{file.name} is no mesh of ICT-FaceKit, or is truncated: it has "
            f"{len(vertices)} vertices, {layout.vertices} finite ones were expected."
        )
    return vertices[: layout.face]


def _triangles(file: UserFile, layout: Layout) -> np.ndarray:
    """`[T, 3]`: the faces of a mesh; one of four corners is two triangles."""
    triangles = []
    with reading.explained(file.name):
        for line in _lines(file):
            if line.startswith("f "):
                first, *others = (
                    int(word.split("/")[0]) - 1 for word in line.split()[1:]
                )
                sides = itertools.pairwise(others)
                triangles += [(first, *side) for side in sides]
        corners = np.array(triangles, np.int64).reshape(-1, 3)
    if not corners.size or not 0 <= corners.min() <= corners.max() < layout.vertices:
        raise PieError(f"{file.name} is damaged: its faces name absent vertices.")
    return corners


def _lines(file: UserFile) -> list[str]:
    return file.data.decode("ascii", errors="replace").splitlines()
