"""Heads moved rigidly into each other's place."""

import numpy as np
from scipy.spatial.transform import Rotation


def align(
    heads: np.ndarray, upright: np.ndarray, stable: np.ndarray, rounds: int = 4
) -> np.ndarray:
    """Moves heads rigidly onto their mean; their sizes stay (Procrustes).

    Args:
        heads: `[N, V, 3]`.
        upright: `[V, 3]`, a head whose orientation the mean is given.
        stable: the vertices that the fit goes by.
        rounds: how often the mean is formed anew.

    Returns:
        `[N, V, 3]`; the centre of each one's stable vertices is the origin.
    """
    upright = upright[stable] - upright[stable].mean(0)
    centred = heads - heads[:, stable].mean(1, keepdims=True)
    mean = upright
    for _ in range(rounds):
        fitted = centred[:, stable] @ _turns(centred[:, stable], mean)
        # A mean of turned heads may itself have turned.
        mean = fitted.mean(0)
        mean = mean @ _turns(mean[None], upright)[0]
    return centred @ _turns(centred[:, stable], mean)


def _turns(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`[N, 3, 3]` rotations: `points [N, S, 3] @ rotation` fits `target` best."""
    fits = [Rotation.align_vectors(x, target)[0] for x in points]
    return np.stack([fit.as_matrix() for fit in fits])
