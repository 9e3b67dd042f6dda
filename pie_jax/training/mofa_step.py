"""What MoFA is trained for."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.images import from_255
from pie_jax.core.numerics import norm
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image
from pie_jax.training.augmentation import darken_side, move, recolour, roughen
from pie_jax.training.reconstruction import Terms, reconstruction, total
from pie_jax.training.update import Objective

WEIGHTS = Terms(
    landmark=4.0,
    photometric=1.5,
    identity=4e-4,
    reflectance=2e-4,
    expression=4e-4,
    tint=0.05,
    direction=1e-3,
    negative=1.0,
)
"""Landmarks missed by 3 % of the distance of the eyes count as much as colours missed
by 0.08, or as 1.9 deviations in all coefficients of identity (of expression 2.2, of
reflectance 2.7)."""

POSE = 1.5
"""Weight of the angle (radians) by which the pose of a rendered face is missed. With 0.5
poses of rendered faces were missed by 3.7 degrees after 2000 updates."""
LIKENESS = 15.0
"""Weight of the mean square by which distances of people are missed (`likeness`)."""
DESCRIBED = 0.02
"""Deviation of what is added to each of a descriptor's numbers, 0.23 in all. Descriptors
are those of the samples as they are, not as they are varied; cutting a sample's chip by
its landmarks alone moves its descriptor by 0.16."""
APART = 8.5
"""Distance in (identity, reflectance), in standard deviations, of two faces whose
descriptors are 1 apart. Where nothing asked for it, two samples were 6.0 apart in the
mean, their descriptors 0.73, with a correlation of 0.40."""
RENDERED = 4
"""One picture in so many is shown a second time, with a rendered face before it."""

_TURNED = 0.15


@struct.dataclass
class MofaBatch:
    """Pictures with dlib's landmarks.

    Attributes:
        image_u8: `[B, S, S, 3]` uint8 RGB.
        landmarks: `[B, 68, 2]` in fractions of the frame.
        descriptor: `[B, D]`, the recognition network's of the picture as it is.
        appearance: scalar in [0, 1], how much colours count. At first they mislead:
            a face in the wrong place explains them by its albedo.
    """

    image_u8: Array
    landmarks: Array
    descriptor: Array
    appearance: Array


@struct.dataclass
class MofaGiven:
    """What stays as it is: the decoder, and what matters."""

    model: Morphable
    weights: Terms


def mofa_objective(apply: Callable[[Any, Array, Array], FaceParams]) -> Objective:
    """Builds the objective: the reconstruction's loss, and the pose of rendered faces.

    Pictures are varied in colour and place, and their explanation with them; their
    quality is varied for the network only. Faces that the model renders, whose pose is
    known, keep the network from reading the pose off hair and background (compare Kim
    et al., "InverseFaceNet", CVPR 2018).

    Args:
        apply: `(params, image [B, S, S, 3], descriptor [B, D]) -> theta [B]`.

    Returns:
        The objective; it is given `MofaGiven`. Its terms are those of
        `reconstruction`; `pose`, the angle in radians by which rendered poses are
        missed; and `likeness`; means over the batch without their weights.
    """

    def objective(params: Any, given: MofaGiven, key: Array, batch: MofaBatch):
        key_turn, key_vary, key_person = jax.random.split(key, 3)
        keys = jax.random.split(key_vary, len(batch.image_u8))
        seen, image, landmarks = jax.vmap(_vary)(keys, batch.image_u8, batch.landmarks)
        noise = jax.random.normal(key_person, batch.descriptor.shape)
        descriptor = batch.descriptor + DESCRIBED * noise
        theta = apply(params, seen, descriptor)
        terms = reconstruction(given.model, theta, image, landmarks)
        terms = jax.tree.map(jnp.mean, terms)
        weights = dataclasses.replace(
            given.weights, photometric=batch.appearance * given.weights.photometric
        )
        known, shown = _rendered(key_turn, given.model, theta, image)
        found = apply(params, shown, descriptor[: len(shown)]).rotation
        turns = rotations.matrix(found), rotations.matrix(known)
        pose = jnp.mean(rotations.angle(*turns))
        alike = likeness(theta, batch.descriptor)
        loss = total(weights, terms) + POSE * pose + LIKENESS * alike
        return loss, vars(terms) | {"pose": pose, "likeness": alike}

    return objective


def likeness(theta: FaceParams, descriptor: Array) -> Array:
    """How far distances of (identity, reflectance) are from those of descriptors.

    Without it nothing says which differences are of people, and which of glasses, light
    and film.

    Args:
        theta: `[B]`, at least two faces.
        descriptor: `[B, D]`, of the same pictures; 0.6 apart is another person.

    Returns:
        Scalar, the mean square over all pairs, in units of descriptors.
    """
    person = jnp.concatenate([theta.identity, theta.reflectance], axis=-1)
    first, second = jnp.triu_indices(len(person), 1)
    found = norm(person[first] - person[second]) / APART
    wanted = norm(descriptor[first] - descriptor[second])
    return jnp.mean((found - wanted) ** 2)


def _rendered(
    key: Array, model: Morphable, theta: FaceParams, image: Array
) -> tuple[Array, Array]:
    """Faces in other poses before their pictures: rotations and `[n, S, S, 3]`."""
    count = -(-len(image) // RENDERED)
    known, behind = jax.lax.stop_gradient(
        jax.tree.map(lambda x: x[:count], (theta, image))
    )
    # The poses of others, so that pictures say nothing of them.
    rotation = jax.lax.stop_gradient(jnp.roll(theta.rotation, 1, axis=0)[:count])
    rotation += _TURNED * jax.random.normal(key, rotation.shape)
    turned = dataclasses.replace(known, rotation=rotation)
    colours, mask = render_image(model, turned, image.shape[1])
    return rotation, mask * (2 * colours - 1) + (1 - mask) * behind


def _vary(key: Array, image_u8: Array, landmarks: Array) -> tuple[Array, Array, Array]:
    """The picture for the network, the one to be explained, and its landmarks."""
    key_move, key_side, key_colour, key_rough = jax.random.split(key, 4)
    image, landmarks = move(key_move, from_255(image_u8), landmarks, strength=0.5)
    image = darken_side(key_side, image, strength=0.7)
    image = recolour(key_colour, image, strength=0.7)
    return roughen(key_rough, image), image, landmarks
