"""What RigNet is trained for.

StyleRig's losses (Tewari et al., CVPR 2020): a portrait's own parameters change
nothing, another's give a portrait that renders as this one with those, and the own
parameters lead back again. What is compared are renderings, vertex by vertex.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core import theta as parameters
from pie_jax.core.ibug import OUTER_EYES
from pie_jax.core.numerics import norm
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import Rendering, render_vertices
from pie_jax.training.update import Objective


@struct.dataclass
class RigWeights:
    """How much each term counts.

    Attributes:
        geometry: mean distance of the vertices in the picture, in distances of the
            outer corners of the eyes.
        colour: mean length of the difference of the vertices' colours, RGB in [0, 1].
        person: squared distance of the descriptors; 0.36 is another person.
        length: mean square of the offset, in standard deviations: the shortest edit is
            the likeliest code.
        own: mean square of the offset for the own parameters, in standard deviations.
        back: mean square of what is left after an edit and the edit back.
    """

    geometry: Array | float
    colour: Array | float
    person: Array | float
    length: Array | float
    own: Array | float
    back: Array | float


@struct.dataclass
class RigBatch:
    """Codes to edit, and how.

    Attributes:
        code: `[B, num_ws, 512]`, in standard deviations along the principal axes.
        chip_matrix: `[B, 2, 3]`, where the faces are (`face.crops`).
        other: `[B]`, faces that have the component towards which the edits go.
        strength: `[B]`, how far: 0 is the own component, 1 the other's.
    """

    code: Array
    chip_matrix: Array
    other: FaceParams
    strength: Array


@struct.dataclass
class RigGiven:
    """What stays as it is.

    Attributes:
        observer: parameters of what looks at codes.
        model: the face model.
        mean: `[n]`, the component's over the generator's samples.
        deviation: `[n]`, likewise.
        weights: what matters.
    """

    observer: Any
    model: Morphable
    mean: Array
    deviation: Array
    weights: RigWeights


Observe = Callable[[Any, Array, Array], tuple[FaceParams, Array]]
"""`(parameters, code [B, num_ws, 512], chip_matrix [B, 2, 3]) -> (theta [B],
descriptor [B, D])`: the generator and networks that look at its picture, or a network
that stands for them all."""


def rig_objective(
    apply: Callable[[Any, Array, Array], Array], observe: Observe, component: str
) -> Objective:
    """Builds the objective.

    Args:
        apply: `(params, code, target [B, n]) -> offset`, RigNet in standard deviations.
        observe: what is seen of a code.
        component: one of `core.theta.COMPONENTS`.

    Returns:
        The objective; it is given `RigGiven`. Its terms are those of `RigWeights`,
        means over the batch.
    """

    def objective(params: Any, given: RigGiven, key: Array, batch: RigBatch):
        def offset(code: Array, theta: FaceParams) -> Array:
            target = (getattr(theta, component) - given.mean) / given.deviation
            return apply(params, code, target)

        theta, descriptor = jax.lax.stop_gradient(
            observe(given.observer, batch.code, batch.chip_matrix)
        )
        target = towards(theta, batch.other, batch.strength, component)
        own = offset(batch.code, theta)
        moved = offset(batch.code, target)
        edited = batch.code + moved
        found, person = observe(given.observer, edited, batch.chip_matrix)
        geometry, colour = difference(
            given.model, found, wanted(theta, target, found, component)
        )
        terms = RigWeights(
            geometry=geometry,
            colour=colour,
            person=jnp.sum((person - descriptor) ** 2, axis=-1),
            length=jnp.mean(moved**2, axis=(-2, -1)),
            own=jnp.mean(own**2, axis=(-2, -1)),
            back=jnp.mean((moved + offset(edited, theta)) ** 2, axis=(-2, -1)),
        )
        terms = jax.tree.map(jnp.mean, terms)
        weighted = jax.tree.map(jnp.multiply, given.weights, terms)
        return sum(jax.tree.leaves(weighted), start=jnp.zeros(())), vars(terms)

    return objective


def towards(
    theta: FaceParams, other: FaceParams, strength: Array, component: str
) -> FaceParams:
    """Faces `[B]` with a component between their own and another's, or beyond; of
    `strength` `[B]` 0 is the own one, 1 the other's."""
    own, its = getattr(theta, component), getattr(other, component)
    between = own + strength[:, None] * (its - own)
    return dataclasses.replace(theta, **{component: between})


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
    place = jax.lax.stop_gradient(found.translation)
    return dataclasses.replace(combined, translation=place)


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
