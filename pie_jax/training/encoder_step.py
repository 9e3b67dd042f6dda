"""What the encoder is trained for."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.images import from_255
from pie_jax.training.augmentation import move, recolour, roughen
from pie_jax.training.update import Objective

OFFSET_PENALTY = 1e-3
"""Of the offsets' mean square; without it code and offsets could drift apart."""


@struct.dataclass
class EncoderBatch:
    """Pictures with the codes that they were made from.

    Attributes:
        image_u8: `[B, S, S, 3]` uint8 RGB.
        code: `[B, 2, 512]`, two codes in standard deviations along the principal axes:
            of the first style inputs and of the rest.
        crossover: `[B]` int32, how many style inputs have the first.
    """

    image_u8: Array
    code: Array
    crossover: Array


@struct.dataclass
class CodeWeights:
    """How much errors of a code matter (see `sensitivity`).

    Attributes:
        common: `[512]`, of the square of an error that all style inputs share.
        rows: `[num_ws, 512]`, of the squares of the rest.
    """

    common: Array
    rows: Array


def encoder_objective(
    apply: Callable[[Any, Array], tuple[Array, Array]],
) -> Objective:
    """Builds the objective: weighted squares of the code's errors.

    Colours and places are varied only a little, for they are what the code says.

    Args:
        apply: `(params, image) -> (code [B, 512], offsets [B, num_ws, 512])`.

    Returns:
        The objective; it is given `CodeWeights`. Its term `code` is the weighted sum,
        `offset` the offsets' mean square.
    """

    def objective(params: Any, given: CodeWeights, key: Array, batch: EncoderBatch):
        keys = jax.random.split(key, len(batch.image_u8))
        image = jax.vmap(_vary)(keys, batch.image_u8)
        code, offsets = apply(params, image)
        distance = jnp.mean(code_distance(given, code[:, None] + offsets, batch))
        offset = jnp.mean(offsets**2)
        return distance + OFFSET_PENALTY * offset, {"code": distance, "offset": offset}

    return objective


def code_distance(weights: CodeWeights, found: Array, batch: EncoderBatch) -> Array:
    """Weighted squares of the errors of codes.

    Args:
        weights: what matters.
        found: `[B, num_ws, 512]`, in standard deviations.
        batch: the true ones.

    Returns:
        `[B]`, sums.
    """
    first = jnp.arange(found.shape[1]) < batch.crossover[:, None]
    truth = jnp.where(first[..., None], batch.code[:, :1], batch.code[:, 1:])
    error = found - truth
    common = error.mean(axis=1)
    rest = error - common[:, None]
    return common**2 @ weights.common + jnp.sum(weights.rows * rest**2, axis=(1, 2))


def _vary(key: Array, image_u8: Array) -> Array:
    key_move, key_colour, key_rough = jax.random.split(key, 3)
    nowhere = jnp.zeros((1, 2))  # landmarks are of no interest here
    image, _ = move(key_move, from_255(image_u8), nowhere, strength=0.15)
    return roughen(key_rough, recolour(key_colour, image, strength=0.3))
