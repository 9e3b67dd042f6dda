"""How different an edited face looks from the one that was asked for."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from pie_jax.core import theta as parameters
from pie_jax.core.ibug import OUTER_EYES
from pie_jax.core.numerics import norm
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import Rendering, render_vertices


def wanted(
    theta: FaceParams, target: FaceParams, found: FaceParams, component: str
) -> FaceParams:
    """The face that an edit should show.

    In the FFHQ frame a head that turns also moves: over samples, where it is follows
    from its rotation (99.8 % of the variance to the side). So the place is not kept.

    Args:
        theta: of the portrait.
        target: has the component.
        found: of the edited portrait; gives the place.
        component: one of `core.theta.COMPONENTS`.
    """
    combined = parameters.combine(theta, target, component)
    if component != "rotation":
        return combined
    return dataclasses.replace(combined, translation=found.translation)


def difference(
    model: Morphable, found: FaceParams, expected: FaceParams
) -> tuple[Array, Array]:
    """How different two faces look, where the second is turned towards the camera.

    Args:
        found: `[B]`; in the expected place, if it is the same there.
        expected: `[B]`.

    Returns:
        Mean distance of vertices, in distances of the expected outer corners of the
        eyes, and mean length of the difference of colours, RGB in [0, 1]: `[B]`.
    """
    one, other = (_rendered(model, theta) for theta in (found, expected))
    counts = other.visible / jnp.sum(other.visible, axis=-1, keepdims=True)
    left, right = (other.landmarks[..., i, :] for i in OUTER_EYES)
    # Lengths and not their squares, of which the few edits that fail would be most.
    moved = norm(one.points - other.points) / norm(left - right)[..., None]
    painted = norm(one.colours - other.colours)
    return jnp.sum(counts * moved, axis=-1), jnp.sum(counts * painted, axis=-1)


def _rendered(model: Morphable, theta: FaceParams) -> Rendering:
    return render_vertices(model, theta, 1, occlusion=False)
