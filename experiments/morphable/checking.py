"""How far the model's landmarks are from dlib's on heads that had no say in them."""

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments.morphable import marking
from pie_jax.core import ibug
from pie_jax.face import landmarks
from pie_jax.face.morphable import Morphable

VIEWS = ((0, 0), (20, 0), (40, 0), (0, 15), (0, -15))
"""Yaw and pitch in degrees."""


def landmark_errors(
    studio: marking.Studio, model: Morphable, heads: np.ndarray
) -> dict[str, dict[str, float]]:
    """Compares landmarks in rendered views of heads `[N, V + E, 3]` in the model's frame.

    Returns:
        For each view `found`, the share of heads in which dlib found a face; and, if
        there are any, the mean distance of `jaw` and of `inner` landmarks over the
        distance of the outer corners of the eyes in the frontal view.
    """
    table = {}
    for yaw, pitch in tqdm(VIEWS, desc="landmark errors"):
        gaps = []
        for head in heads:
            unit = _eyes(model, studio, head)
            portrait = studio.portrait(head, yaw, pitch)
            found = studio.detect(portrait)
            if found is not None:
                ours = _landmarks(model, studio, portrait.points)
                gaps.append(np.linalg.norm(ours - found, axis=1) / unit)
        row = {"found": len(gaps) / len(heads)}
        if gaps:
            each = np.mean(gaps, axis=0)
            row |= {"jaw": float(each[:17].mean()), "inner": float(each[17:].mean())}
        table[f"yaw {yaw}, pitch {pitch}"] = row
    return table


def _landmarks(
    model: Morphable, studio: marking.Studio, points: np.ndarray
) -> np.ndarray:
    face = jnp.asarray(points[: studio.region.num_vertices])
    return np.asarray(landmarks.landmarks(model, face))


def _eyes(model: Morphable, studio: marking.Studio, head: np.ndarray) -> float:
    """Pixels between the outer corners of the eyes, seen from the front."""
    points = _landmarks(model, studio, studio.project(head))
    left, right = points[list(ibug.OUTER_EYES)]
    return float(np.linalg.norm(left - right))
