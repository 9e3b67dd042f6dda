"""Pictures of a fitted face: what each part of theta contributes."""

import dataclasses
import math

import jax.numpy as jnp
from jax import Array, lax

from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import Rendering, paint, render_vertices

BACKGROUND = 0.25
"""Grey level of what is not the face."""

# For showing geometry: grey plaster under a lamp beside the viewer's head.
_PLASTER, _AMBIENT = 0.85, 0.25
_LAMP = (-0.4, 0.5, 0.77)
# Light from the front shades with more than 1; so as not to show it as white.
_EXPOSURE = 0.6
_TURN = 60.0


def views(model: Morphable, theta: FaceParams, image: Array) -> dict[str, Array]:
    """The face over its picture, and its geometry, albedo and shading alone.

    Args:
        theta: one face, without batch axes.
        image: `[R, R, 3]` RGB in [0, 1], the picture it was fitted to.

    Returns:
        `overlay`, `geometry`, `albedo`, `shading`, `[R, R, 3]` in [0, 1] each. Plain
        light, shading with 1, is shown as a light grey.
    """
    resolution = image.shape[0]
    rendering = render_vertices(model, theta, resolution, occlusion=False)
    values = {
        "overlay": rendering.colours,
        "geometry": _plaster(rendering),
        "albedo": rendering.albedo,
        "shading": _EXPOSURE * rendering.shading,
    }
    joined = jnp.concatenate(list(values.values()), axis=-1)
    painted, mask = paint(model, rendering, jnp.clip(joined, 0, 1), resolution)
    pictures = dict(zip(values, jnp.split(painted, len(values), axis=-1), strict=True))
    behind = {name: jnp.full_like(image, BACKGROUND) for name in values}
    behind["overlay"] = image
    return {k: x * mask + behind[k] * (1 - mask) for k, x in pictures.items()}


def turntable(
    model: Morphable, theta: FaceParams, num_frames: int, resolution: int
) -> Array:
    """The face turning to both sides and back, in colour and beside it in plaster.

    The light stands still. The face has no back, so it does not turn around.

    Args:
        theta: one face, without batch axes.
        num_frames: of one whole period.
        resolution: H in pixels.

    Returns:
        `[num_frames, H, 2 H, 3]` in [0, 1].
    """
    phases = jnp.arange(num_frames) * (2 * math.pi / num_frames)

    def frame(phase: Array) -> Array:
        yaw = math.radians(_TURN) * jnp.sin(phase)
        turned = dataclasses.replace(
            theta,
            rotation=jnp.stack([0 * yaw, yaw, 0 * yaw]),
            translation=jnp.zeros_like(theta.translation),
        )
        blank = jnp.full((resolution, resolution, 3), BACKGROUND)
        seen = views(model, turned, blank)
        return jnp.concatenate([seen["overlay"], seen["geometry"]], axis=1)

    return lax.map(frame, phases)


def _plaster(rendering: Rendering) -> Array:
    lamp = jnp.asarray(_LAMP, rendering.normals.dtype)
    light = jnp.maximum(rendering.normals @ lamp, 0)
    grey = _PLASTER * (_AMBIENT + (1 - _AMBIENT) * light)
    return jnp.broadcast_to(grey[..., None], rendering.normals.shape)
