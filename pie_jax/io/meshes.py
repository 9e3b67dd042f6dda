"""Triangle meshes with vertex colours, as .obj and .ply files."""

from pathlib import Path

import numpy as np

from pie_jax.io import atomic

SUFFIXES = (".obj", ".ply")

_PLY_HEADER = """\
ply
format binary_little_endian 1.0
comment pie_jax, synthetic face
element vertex {vertices}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
element face {triangles}
property list uchar int vertex_indices
end_header
"""


def write(
    path: Path, vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray
) -> None:
    """Writes a mesh, all or nothing, in the format that the file's name tells.

    Wavefront .obj has text and, after a vertex's coordinates, its colour in [0, 1],
    which is a common extension; Stanford .ply is binary with colours of 8 bits.

    Args:
        path: ends in one of `SUFFIXES`; its folder exists.
        vertices: `[V, 3]`, any unit.
        triangles: `[T, 3]` integers, zero-based, counter-clockwise from outside.
        colours: `[V, 3]` RGB in [0, 1]; clipped.

    Raises:
        PieError: the folder is absent or read-only, or the disk is full.
        ValueError: another suffix, arrays of other shapes, values that are not finite,
            or a triangle that names an absent vertex.
    """
    _check(vertices, triangles, colours)
    encode = {".obj": _obj, ".ply": _ply}.get(path.suffix.lower())
    if encode is None:
        raise ValueError(f"{path} ends in none of {SUFFIXES}")
    content = encode(vertices, triangles, np.clip(colours, 0, 1))
    with atomic.writing(path) as file:
        file.write(content)


def _check(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray) -> None:
    shapes = [array.shape for array in (vertices, triangles, colours)]
    if any(len(shape) != 2 or shape[1] != 3 for shape in shapes):
        raise ValueError(f"expected arrays [n, 3], got {shapes}")
    if len(vertices) != len(colours):
        raise ValueError(f"{len(vertices)} vertices, but {len(colours)} colours")
    if not (np.isfinite(vertices).all() and np.isfinite(colours).all()):
        raise ValueError("vertices or colours are not finite")
    if triangles.dtype.kind not in "iu":
        raise ValueError(f"triangles are {triangles.dtype}, not integers")
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise ValueError("a triangle names an absent vertex")


def _obj(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray) -> bytes:
    lines = ["# pie_jax, synthetic face"]
    for (x, y, z), (red, green, blue) in zip(vertices, colours, strict=True):
        lines.append(f"v {x:.6f} {y:.6f} {z:.6f} {red:.4f} {green:.4f} {blue:.4f}")
    lines += [f"f {a} {b} {c}" for a, b, c in triangles + 1]  # counted from 1
    return "\n".join([*lines, ""]).encode()


def _ply(vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray) -> bytes:
    points = np.empty(len(vertices), [("position", "<f4", 3), ("colour", "u1", 3)])
    points["position"], points["colour"] = vertices, np.rint(255 * colours)
    faces = np.empty(len(triangles), [("count", "u1"), ("indices", "<i4", 3)])
    faces["count"], faces["indices"] = 3, triangles
    header = _PLY_HEADER.format(vertices=len(points), triangles=len(faces))
    return header.encode() + points.tobytes() + faces.tobytes()
