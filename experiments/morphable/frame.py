"""Where the model's frame and its camera stand: the mean head in FFHQ's place."""

import numpy as np
from scipy import optimize

from pie_jax.core import ffhq

FOCAL = 4.5
"""In image widths. A portrait lens; the crop does not tell it."""

# In fractions of the image's width, x from its middle.
EYES = np.array([ffhq.EYES_APART / 2, ffhq.EYES_DOWN])
MOUTH = np.array([0.0, ffhq.MOUTH_DOWN])


def project(points: np.ndarray, distance: float) -> np.ndarray:
    """`[..., 2]` in fractions of the image's width from `[..., 3]` in the frame."""
    scale = FOCAL / (distance - points[..., 2:])
    return 0.5 + scale * points[..., :2] * np.array([1, -1])


def height_of_eyes(depth: float, distance: float) -> float:
    """The y at which eyes `depth` before the origin are where FFHQ has them."""
    return (0.5 - EYES[1]) * (distance - depth) / FOCAL


def place(eyes: np.ndarray, mouth: np.ndarray) -> tuple[float, float]:
    """Finds the camera's distance and how high the head stands before it.

    Args:
        eyes: `[2, 6, 3]`, landmarks of the mean head, symmetric, in decimetres.
        mouth: `[2, 3]`, its corners.

    Returns:
        The distance from the camera to the origin, and what is to be added to the
        head's y so that eyes and mouth are where FFHQ has them, in the mean.
    """

    def errors(unknown: np.ndarray) -> np.ndarray:
        distance, lift = unknown
        raised = np.array([0, lift, 0])
        left, right = project(eyes + raised, distance).mean(1)
        below = project(mouth + raised, distance).mean(0)
        apart = right[0] - left[0] - 2 * EYES[0]
        return np.array([apart, left[1] - EYES[1], below[1] - MOUTH[1]])

    found = optimize.least_squares(errors, (12.0, 0.0), x_scale=(10.0, 1.0))
    return float(found.x[0]), float(found.x[1])
