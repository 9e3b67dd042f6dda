"""How far heads turn as others see it.

Rigs and refinements are found by looking at turns through the landmark network. What was
found so shows that network more of a turn than it shows others.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from pie_jax.core.theta import FaceParams

SHARE = 0.92
"""What others see of each degree of pitch and yaw that the landmark network sees: midway
between edits of generated faces and of photographs, whose generators are tuned
(docs/measurements.md). Roll is the picture's."""

_SHARES = (SHARE, SHARE, 1.0)


def shown(own: FaceParams, network: Array, seen: FaceParams) -> FaceParams:
    """An edited face with the turn that others see.

    Args:
        own: `[B]`, before the edit.
        network: `[B, 3]`, its rotation as the landmark network saw it.
        seen: `[B]`, as the network sees the edited face.
    """
    turn = jnp.asarray(_SHARES) * (seen.rotation - network)
    return dataclasses.replace(seen, rotation=own.rotation + turn)


def asked(own: FaceParams, network: Array, target: FaceParams) -> FaceParams:
    """The face that the landmark network is to see, so that others see the target; args
    as of `shown`."""
    turn = (target.rotation - own.rotation) / jnp.asarray(_SHARES)
    return dataclasses.replace(target, rotation=network + turn)
