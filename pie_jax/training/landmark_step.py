"""What the landmark network is trained for."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.images import from_255
from pie_jax.losses.landmark import mean_distance, relative_distances
from pie_jax.training.augmentation import move, recolour, roughen
from pie_jax.training.update import Objective


@struct.dataclass
class LandmarkBatch:
    """Pictures with dlib's landmarks.

    Attributes:
        image_u8: `[B, S, S, 3]` uint8 RGB.
        landmarks: `[B, 68, 2]` in fractions of the frame.
    """

    image_u8: Array
    landmarks: Array


def landmark_objective(apply: Callable[[Any, Array], Array]) -> Objective:
    """Builds the objective, which is given nothing (None): the mean distance to dlib's
    landmarks, of `apply`'s `(params, image [B, S, S, 3]) -> landmarks [B, 68, 2]`.

    Distances count by themselves, not squared: dlib is wrong at times, by much. The
    term `distance` is of the 66 landmarks, in distances of the outer corners of the
    eyes.
    """

    def objective(params: Any, given: None, key: Array, batch: LandmarkBatch):
        del given
        keys = jax.random.split(key, len(batch.image_u8))
        image, landmarks = jax.vmap(_vary)(keys, batch.image_u8, batch.landmarks)
        found = apply(params, image)
        distance = jnp.mean(mean_distance(found, landmarks))
        return jnp.mean(relative_distances(found, landmarks)), {"distance": distance}

    return objective


def _vary(key: Array, image_u8: Array, landmarks: Array) -> tuple[Array, Array]:
    key_move, key_colour, key_rough = jax.random.split(key, 3)
    image, landmarks = move(key_move, from_255(image_u8), landmarks, strength=1.0)
    image = recolour(key_colour, image, strength=1.0)
    return roughen(key_rough, image), landmarks
