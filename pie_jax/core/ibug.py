"""The 68 landmarks of iBUG: which are which, also in the mirror.

17 jaw points from the viewer's left ear over the chin to the right ear, then brows,
nose, eyes and lips. Here they are in fractions of the frame: x right, y down, the
outline runs from 0 to 1.
"""

import jax.numpy as jnp
from jax import Array

OUTER_EYES = (36, 45)
"""The outer corners of both eyes, whose distance is the unit of landmark errors."""
INNER_MOUTH_CORNERS = (60, 64)
"""Of 68, counted from zero: those that the paper's set of 66 leaves out."""
SIXTY_SIX = tuple(i for i in range(68) if i not in INNER_MOUTH_CORNERS)
"""The paper's set."""
CHIP = (*range(27, 55), *range(60, 65))
"""Those that place dlib's face chip: jaw, brows and lower lip move too much."""

_PAIRS = (
    *((i, 16 - i) for i in range(8)),  # jaw
    *((17 + i, 26 - i) for i in range(5)),  # brows
    *((31, 35), (32, 34)),  # base of the nose
    *((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),  # eyes
    *((48, 54), (49, 53), (50, 52), (58, 56), (59, 55)),  # outer lips
    *((60, 64), (61, 63), (67, 65)),  # inner lips
)
_EXCHANGED = dict(_PAIRS) | {b: a for a, b in _PAIRS}

MIRRORED = tuple(_EXCHANGED.get(i, i) for i in range(68))
"""For each landmark the one that takes its place in the mirror."""


def sixty_six(landmarks: Array) -> Array:
    """The paper's 66 landmarks, `[..., 66, K]`, of `[..., 68, K]`."""
    return landmarks[..., jnp.array(SIXTY_SIX), :]


def mirror(landmarks: Array) -> Array:
    """The landmarks `[..., 68, 2]` of the mirrored picture, in fractions of the frame.

    What was on the left eye comes to lie on the right one, so mirroring also exchanges
    the landmarks' numbers. Mirrored twice they are as before.
    """
    swapped = landmarks[..., jnp.array(MIRRORED), :]
    return jnp.stack([1 - swapped[..., 0], swapped[..., 1]], axis=-1)
