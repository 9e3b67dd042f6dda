"""Renders the morphable model: theta to vertices in the picture, or to a picture.

The vertex renderer is MoFA's (Tewari et al., ICCV 2017, sec. 4): every vertex is
projected and shaded by itself. It is differentiable and made for energies. Pictures
come from the rasteriser; in them what hides what has no gradient.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.theta import FaceParams
from pie_jax.face import landmarks, morphable
from pie_jax.face.morphable import Morphable
from pie_jax.graphics import camera, mesh, rasterize, shading, visibility


@struct.dataclass
class Rendering:
    """The vertices as the camera sees them; batch axes lead.

    Attributes:
        points: `[..., V, 2]`, pixels (x right, y down), pixel centres at .5.
        depth: `[..., V]`, distance along the camera's axis in decimetres; negative
            behind the camera.
        normals: `[..., V, 3]`, outward unit normals; x to the viewer's right, y up, z
            towards the viewer.
        albedo: `[..., V, 3]`, RGB.
        shading: `[..., V, 3]`, RGB; what a white surface would look like.
        visible: `[..., V]` in {0, 1}, without a gradient.
        landmarks: `[..., 68, 2]`, pixels.
    """

    points: Array
    depth: Array
    normals: Array
    albedo: Array
    shading: Array
    visible: Array
    landmarks: Array

    @property
    def colours(self) -> Array:
        """RGB of the vertices, 1 is white: `[..., V, 3]`.

        Not clipped to [0, 1], where a colour that is too bright had no gradient back.
        """
        return self.albedo * self.shading


def render_vertices(
    model: Morphable, theta: FaceParams, resolution: int, *, occlusion: bool = True
) -> Rendering:
    """Projects and shades every vertex of faces `[...]`.

    Args:
        resolution: width of the square picture in pixels.
        occlusion: whether a vertex behind another part of the face is invisible.
            Without it visible are all that face the camera.

    Returns:
        `[...]`, with a gradient by every part of theta.
    """
    vertices = morphable.vertices(model, theta.identity, theta.expression)
    placed = morphable.placed(theta, vertices)
    normals = mesh.vertex_normals(placed, model.triangles)
    visible = visibility.facing(placed, normals, model.camera)
    if occlusion:
        visible *= visibility.unoccluded(placed, normals, model.triangles, model.camera)
    points = camera.project(placed, model.camera, resolution)
    return Rendering(
        points=points,
        depth=camera.distance(placed, model.camera),
        normals=normals,
        albedo=morphable.albedo(model, theta.reflectance),
        shading=shading.shade(normals, theta.illumination),
        visible=visible,
        landmarks=landmarks.landmarks(model, points),
    )


def paint(
    model: Morphable, rendering: Rendering, values: Array, resolution: int
) -> tuple[Array, Array]:
    """Makes a picture of anything that the vertices have: colours, normals, ...

    Args:
        rendering: `[...]`, of the same resolution.
        values: `[..., V, C]`.
        resolution: H and W in pixels.

    Returns:
        The picture `[..., H, W, C]`, 0 where there is no face, and the face's mask
        `[..., H, W, 1]` in {0, 1}. Differentiable by the values.
    """
    raster = rasterize.rasterize(
        rendering.points, rendering.depth, model.triangles, resolution
    )

    def single(raster: rasterize.Raster, values: Array) -> Array:
        return rasterize.interpolate(raster, values, model.triangles)

    for _ in values.shape[:-2]:
        single = jax.vmap(single)
    mask = (raster.triangle >= 0).astype(values.dtype)
    return single(raster, values), mask[..., None]


def render_image(
    model: Morphable, theta: FaceParams, resolution: int
) -> tuple[Array, Array]:
    """Makes a picture of faces `[...]`.

    Returns:
        The picture `[..., H, W, 3]`, RGB in [0, 1], black where there is no face, and
        the face's mask `[..., H, W, 1]` in {0, 1}; H and W are `resolution` pixels.
    """
    rendering = render_vertices(model, theta, resolution, occlusion=False)
    image, mask = paint(model, rendering, rendering.colours, resolution)
    return jnp.clip(image, 0, 1), mask
