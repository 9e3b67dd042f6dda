"""Gradient descent on theta itself, from where MoFA leaves it."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.training.mofa_step import WEIGHTS
from pie_jax.training.reconstruction import Terms, reconstruction, total

WEIGHTS_REFINED = dataclasses.replace(WEIGHTS, landmark=6.0)
"""One picture's landmarks are worth more than their mean over a training."""

_STEPS = {
    "rotation": 0.01,
    "translation": 0.01,
    "identity": 0.05,
    "reflectance": 0.05,
    "expression": 0.05,
    "illumination": 0.02,
}
"""Radians, decimetres, standard deviations, and units of light."""


@partial(jax.jit, static_argnames="num_steps")
def refine(
    model: Morphable,
    theta: FaceParams,
    image: Array,
    landmarks: Array,
    weights: Terms = WEIGHTS_REFINED,
    *,
    num_steps: int,
) -> tuple[FaceParams, Terms]:
    """Improves faces, each by itself, with Adam and step sizes that fall to zero.

    Args:
        theta: `[...]`, where to begin.
        image: `[..., R, R, 3]` RGB in [-1, 1].
        landmarks: `[..., 68, 2]` in fractions of the frame.
        weights: of the loss.
        num_steps: 0 leaves theta as it is.

    Returns:
        Theta of the same shape, and the terms before each step, `[num_steps, ...]`.
    """
    adam = optax.chain(
        optax.scale_by_adam(),
        optax.scale_by_schedule(optax.cosine_decay_schedule(1.0, max(1, num_steps))),
    )

    def loss(theta: FaceParams) -> tuple[Array, Terms]:
        terms = reconstruction(model, theta, image, landmarks)
        # A sum, so that each face's gradient is its own.
        return jnp.sum(total(weights, terms)), terms

    def step(state: tuple[FaceParams, Any], _: None):
        theta, opt_state = state
        grad, terms = jax.grad(loss, has_aux=True)(theta)
        updates, opt_state = adam.update(grad, opt_state)
        moved = {
            k: getattr(theta, k) - s * getattr(updates, k) for k, s in _STEPS.items()
        }
        return (FaceParams(**moved), opt_state), terms

    (theta, _), trace = jax.lax.scan(step, (theta, adam.init(theta)), length=num_steps)
    return theta, trace
