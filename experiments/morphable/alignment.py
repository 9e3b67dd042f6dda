"""Heads moved rigidly into each other's place."""

import numpy as np
from scipy.spatial.transform import Rotation


def align(
    heads: np.ndarray, upright: np.ndarray, stable: np.ndarray, rounds: int = 4
) -> np.ndarray:
    """Moves heads `[N, V, 3]` rigidly onto their mean; their sizes stay (Procrustes).

    The mean has the orientation of `upright` `[V, 3]`, and is formed anew in each round;
    the centre of the `stable` vertices, which the fit goes by, is the origin.
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
