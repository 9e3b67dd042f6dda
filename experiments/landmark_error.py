"""How far an edit leaves landmarks from where it is to take them."""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.ibug import sixty_six
from pie_jax.losses.landmark import mean_distance


def landmark_error(before: Array, after: Array, own: Array, target: Array) -> Array:
    """The mean distance `[B]` of landmarks, wherever the face is, in distances of the
    outer corners of the eyes.

    MoFA alone does not tell: its expressions hardly have what brows, lids and single
    corners of the mouth do (docs/measurements.md).

    Args:
        before: `[B, 68, 2]`, found in the portrait.
        after: found in the edited one.
        own: the face model's for the portrait's theta.
        target: for the theta that is asked for.
    """
    return mean_distance(_centred(after), _centred(before + target - own))


def _centred(points: Array) -> Array:
    return points - jnp.mean(sixty_six(points), axis=-2, keepdims=True)
