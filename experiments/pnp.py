"""The head's pose from dlib's landmarks alone, by OpenCV: a judge of MoFA's.

Needs the package opencv-python-headless, which nothing else does.
"""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import rotations
from pie_jax.core.errors import PieError
from pie_jax.core.theta import FaceParams, neutral
from pie_jax.face.morphable import Morphable, vertices
from pie_jax.face.pose import POINTS

_VIEWER = np.diag([1.0, -1.0, -1.0])  # OpenCV: y down, z away from the viewer


def require_opencv() -> None:
    """Raises a `PieError` where OpenCV is missing."""
    if importlib.util.find_spec("cv2") is None:
        raise PieError("OpenCV is missing: pip install opencv-python-headless")


def solve(
    model: Morphable, landmarks: np.ndarray, heads: FaceParams | None = None
) -> np.ndarray:
    """Poses `[S, 3]` of heads that put their landmarks nearest to those of pictures, as
    (pitch, yaw, roll) in radians (`core.rotations`).

    Args:
        model: its camera is the pictures'.
        landmarks: `[S, 68, 2]` in fractions of the frame.
        heads: `[S]`, whose shape and expression they have; without it, each is the mean
            head, neutral.
    """
    import cv2

    heads = neutral((len(landmarks),)) if heads is None else heads
    points = jax.jit(vertices)(model, heads.identity, heads.expression)
    chosen = list(POINTS)
    inner = np.asarray(model.inner)[[i - 17 for i in chosen]]
    on_heads = np.asarray(points, np.float64)[:, inner]
    focal, distance = float(model.camera.focal), float(model.camera.distance)
    lens = np.array([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    found = []
    on_pictures = np.asarray(landmarks, np.float64)[:, chosen]
    for pair in zip(on_heads, on_pictures, strict=True):
        on_head, seen = map(np.ascontiguousarray, pair)  # OpenCV demands it
        upright, _ = cv2.Rodrigues(_VIEWER)
        before = np.array([[0.0], [0.0], [distance]])
        _, turned, _ = cv2.solvePnP(on_head, seen, lens, None, upright, before, True)
        found.append(_VIEWER @ cv2.Rodrigues(turned)[0])
    return np.asarray(rotations.euler(jnp.asarray(np.stack(found), jnp.float32)))
