"""Principal components of data with gaps."""

import numpy as np
from tqdm import tqdm


def fill(
    values: np.ndarray, weights: np.ndarray, start: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of data with weights.

    What is not known is taken from the components so far, then they are improved by
    one step of subspace iteration, and so on (Srebro and Jaakkola, "Weighted Low-Rank
    Approximations", ICML 2003; Roweis, "EM Algorithms for PCA and SPCA", NIPS 1997).

    Args:
        values: `[S, D]`, about centred.
        weights: `[S, D]` in [0, 1], how much of each value is known.
        start: `[K, D]`, components to begin with, K at most S.
        rounds: of the iteration.

    Returns:
        A correction of the mean `[D]`, and `[K, D]` orthogonal components, largest
        first, with one standard deviation each.
    """
    axes, _ = np.linalg.qr(start.T)
    scores = np.zeros((len(values), axes.shape[1]), values.dtype)
    mean = np.zeros(values.shape[1], values.dtype)
    for _ in tqdm(range(rounds), unit="round"):
        guess = mean + scores @ axes.T
        filled = guess + weights * (values - guess)
        mean = filled.mean(axis=0)
        filled -= mean
        axes, _ = np.linalg.qr(filled.T @ (filled @ axes))
        scores = filled @ axes
    _, deviations, turn = np.linalg.svd(scores, full_matrices=False)
    deviations /= np.sqrt(len(values))
    return mean, deviations[:, None] * (turn @ axes.T)
