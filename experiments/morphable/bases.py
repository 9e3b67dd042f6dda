"""Principal components of shapes that come with their mirror images."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg

Reflect = Callable[[np.ndarray], np.ndarray]
"""`[..., V, 3]` to its mirror image."""


class Basis(NamedTuple):
    """Principal components."""

    components: np.ndarray
    """`[K, V, 3]`, one standard deviation each, the largest first."""
    explained: float
    """The share of the samples' variance that they hold, of 1."""


def principal(
    moves: np.ndarray,
    reflect: Reflect,
    count: int,
    *,
    amounts: np.ndarray | None = None,
) -> Basis:
    """Components of displacements and of their mirror images, about zero.

    The symmetric and the antisymmetric half of the displacements are analysed apart:
    over both a shape and its mirror image they are uncorrelated.

    Args:
        moves: `[M, V, 3]`. Subtract a mean first, or have it count as variance.
        reflect: the mirror.
        count: how many components, over both halves.
        amounts: `[N, M]`, if the displacements are mixtures of `moves`.
    """
    if amounts is None:
        factor = np.eye(len(moves)) / np.sqrt(len(moves))
    else:
        factor = _root(amounts.T @ amounts / len(amounts))
    mirrored = reflect(moves)
    halves = [(moves + mirrored) / 2, (moves - mirrored) / 2]
    variances, axes = zip(*(_one_half(half, factor) for half in halves), strict=True)
    variance, axis = np.concatenate(variances), np.concatenate(axes)
    order = np.argsort(-variance, kind="stable")[:count]
    scaled = axis[order] * np.sqrt(variance[order])[:, None]
    components = with_signs(scaled).reshape(-1, *moves.shape[1:])
    return Basis(components, float(variance[order].sum() / variance.sum()))


def _root(moment: np.ndarray) -> np.ndarray:
    """`[M, R]`: root @ root.T is the symmetric matrix `moment` `[M, M]`."""
    values, axes = np.linalg.eigh(moment)
    kept = values > values[-1] * 1e-12
    return axes[:, kept] * np.sqrt(values[kept])


def _one_half(half: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances `[K]` and unit axes `[K, 3 V]` of displacements `[M, V, 3]` about zero,
    `factor @ factor.T` being the second moment of their amounts."""
    rows = half.reshape(len(half), -1)
    # As few rows as have these second moments; there are fewer than coordinates.
    values, left = np.linalg.eigh(factor.T @ (rows @ rows.T) @ factor)
    kept = values > values[-1] * 1e-12
    axes = (factor @ left[:, kept] / np.sqrt(values[kept])).T @ rows
    return values[kept], axes


def with_signs(components: np.ndarray) -> np.ndarray:
    """Turns components `[K, D]` so that the sign does not hang on rounding.

    An eigenvector's sign is arbitrary. A fixed random direction settles it: unlike the
    largest entry it is not the same, up to the sign, on the two sides of a face.
    """
    direction = np.random.default_rng(0).normal(size=components.shape[1])
    return components * np.where(components @ direction < 0, -1.0, 1.0)[:, None]


def orthonormal(vectors: np.ndarray) -> np.ndarray:
    """`[R, D]` orthonormal rows with the span of the `[K, D]` given, R their rank."""
    return linalg.orth(vectors.T, rcond=1e-6).T
