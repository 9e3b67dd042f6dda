"""Components of data with gaps: known ones are found."""

import numpy as np

from experiments.weighted_components import fill
from tests import builders


def low_rank(samples=80, size=30, rank=3, seed=0):
    """Data of a few components: the data, and the components with one deviation."""
    rng = np.random.default_rng(seed)
    axes = builders.orthogonal(size, rng)[:rank] * np.array([[3.0], [2.0], [1.0]])
    scores = rng.normal(size=(samples, rank))
    scores -= scores.mean(axis=0)
    left, _, right = np.linalg.svd(scores, full_matrices=False)
    scores = left @ right * np.sqrt(samples)  # exactly uncorrelated, deviation 1
    return np.asarray(scores @ axes), np.asarray(axes), rng


def test_principal_components_are_found_through_gaps():
    data, axes, rng = low_rank()
    weights = (rng.random(data.shape) < 0.7).astype(float)
    hidden = np.where(weights > 0, data, 99.0)
    start = rng.normal(size=axes.shape)
    mean, found = fill(hidden, weights, start, rounds=300)
    np.testing.assert_allclose(mean, 0, atol=1e-3)
    signs = np.sign(np.sum(found * axes, axis=1, keepdims=True))
    np.testing.assert_allclose(found * signs, axes, atol=1e-3)


def test_a_shift_of_what_is_seen_shifts_the_mean():
    data, axes, rng = low_rank()
    weights = rng.uniform(0.3, 1, data.shape)
    mean, _ = fill(data + 5, weights, rng.normal(size=axes.shape), rounds=300)
    np.testing.assert_allclose(mean, 5, atol=1e-2)
