"""The 68 landmarks of a projected face, the jaw's following the view.

Their order is iBUG's (`core.ibug`). A jaw landmark is a place in the picture, not on
the head: where the face's outline crosses a line from the cheek to the ear. So each has
a row of candidate vertices, of which the outermost in the picture counts.
"""

import jax.numpy as jnp
from jax import Array, lax

from pie_jax.core.numerics import norm, unit
from pie_jax.face.morphable import Morphable

_INERTIA = 0.75
"""How much further out a candidate must lie for each step that it is away from the
frontal view's. Without it landmarks jump where the outline runs along a flat cheek. This
one is nearest to dlib's on rendered heads (docs/measurements.md)."""


def vertex_ids(model: Morphable, points: Array) -> Array:
    """The vertices `[..., 68]` int32 that are landmarks in this view, of all projected
    ones `[..., V, 2]`.

    The choice is made again at every call, and is no function that one could
    differentiate: points that are chosen carry gradients, the choosing does not.
    """
    points = lax.stop_gradient(points)
    front = points[..., model.contour[:, 0], :]
    centre = jnp.mean(points[..., model.inner, :], axis=-2, keepdims=True)
    x, y = jnp.moveaxis(front, -1, 0)
    outwards = jnp.stack([-_along(y), _along(x)], axis=-1)
    sign = jnp.sign(jnp.sum(outwards * (front - centre), axis=-1, keepdims=True))
    outwards = sign * unit(outwards)
    # Relative to the jaw as seen, so a picture turned or mirrored gives the same.
    moved = points[..., model.contour, :] - front[..., None, :]
    reach = jnp.sum(moved * outwards[..., None, :], axis=-1) - _INERTIA * norm(moved)
    best = jnp.argmax(reach, axis=-1)[..., None]
    contour = jnp.broadcast_to(model.contour, reach.shape)
    jaw = jnp.take_along_axis(contour, best, axis=-1)[..., 0]
    inner = jnp.broadcast_to(model.inner, (*jaw.shape[:-1], *model.inner.shape))
    return jnp.concatenate([jaw, inner], axis=-1)


def _along(values: Array) -> Array:
    """Differences between each one's neighbours, `[..., N]`; at the ends, one-sided."""
    padded = jnp.concatenate([values[..., :1], values, values[..., -1:]], axis=-1)
    return padded[..., 2:] - padded[..., :-2]


def landmarks(model: Morphable, points: Array) -> Array:
    """The 68 landmarks `[..., 68, 2]` of a projected face, all of whose vertices are
    `[..., V, 2]` in the same unit."""
    ids = vertex_ids(model, points)
    return jnp.take_along_axis(points, ids[..., None], axis=-2)
