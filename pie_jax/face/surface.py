"""The face as a coloured mesh that other programs can show."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable


def surface(
    model: Morphable, theta: FaceParams, *, posed: bool = False
) -> tuple[Array, Array]:
    """Places and colours the vertices of faces `[...]`; the triangles are the model's.

    Where `posed`, the face is turned and moved as theta says; otherwise it looks along
    +z.

    Returns:
        Vertices `[..., V, 3]` in the model's units (decimetres for the open model), x
        to the viewer's right, y up, z towards the viewer; and the albedo, without
        light, `[..., V, 3]` RGB in [0, 1].
    """
    vertices = morphable.vertices(model, theta.identity, theta.expression)
    if posed:
        vertices = morphable.placed(theta, vertices)
    return vertices, jnp.clip(morphable.albedo(model, theta.reflectance), 0, 1)
