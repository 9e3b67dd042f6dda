"""MoFA's heads, which are linear: read as maps to theta, composed, and written again."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from experiments import mofa_figures
from experiments.export import write
from experiments.fitting import Estimator
from experiments.mofa_figures import Judge
from experiments.picture_sets import Pictures
from pie_jax.core.errors import PieError
from pie_jax.core.theta import neutral
from pie_jax.io.arrays import Arrays
from pie_jax.networks.mofa import SCALES
from pie_jax.stack import converted


class Affine(NamedTuple):
    """A map of rows `[S, D]` to `[S, K]`: `x @ kernel + constant`, of `[D, K]` and `[K]`."""

    kernel: np.ndarray
    constant: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.kernel + self.constant

    def after(self, first: Self) -> Self:
        """The map that goes through another one before."""
        return type(self)(first.kernel @ self.kernel, self(first.constant))

    def plus(self, other: Self) -> Self:
        """The sum of two maps of the same rows."""
        return type(self)(self.kernel + other.kernel, self.constant + other.constant)


def read(arrays: Mapping[str, np.ndarray], name: str) -> Affine:
    """A head, from what it sees to what it says of theta."""
    scale = np.asarray(SCALES[name])
    kernel, bias = (
        np.float64(arrays[f"{name}/{k}"]) * scale for k in ("kernel", "bias")
    )
    return Affine(kernel, bias + _start(name))


def written(
    arrays: Mapping[str, np.ndarray], heads: Mapping[str, Affine]
) -> dict[str, np.ndarray]:
    """The arrays of other heads, in the precision of those that were there."""
    found: dict[str, np.ndarray] = {}
    for name, head in heads.items():
        scale = np.asarray(SCALES[name])
        found[f"{name}/kernel"] = head.kernel / scale
        found[f"{name}/bias"] = (head.constant - _start(name)) / scale
    return {name: x.astype(arrays[name].dtype) for name, x in found.items()}


def _start(name: str) -> np.ndarray:
    return np.asarray(getattr(neutral(), name), np.float64)


def export(
    path: Path,
    file: Arrays,
    changed: Mapping[str, np.ndarray],
    network: Estimator,
    judge: Judge,
    sets: Mapping[str, Pictures],
) -> None:
    """Measures MoFA with changed arrays, prints its figures, and writes it.

    Raises:
        PieError: an array is not finite.
    """
    if bad := sorted(k for k, x in changed.items() if not np.isfinite(x).all()):
        raise PieError(f"not finite: {', '.join(bad)}")
    params = network.params | Arrays(dict(changed), {}).single_precision()
    figures = mofa_figures.figures_of_sets(judge, params, sets)
    known = {name: f"{value:.4f}" for name, value in figures.items()}
    # Figures that are not measured again would be those of the layers before.
    about = (converted.KIND, "data")
    unchanged = {k: text for k, text in file.metadata.items() if k in about}
    write(path, changed, unchanged | known)
    print(", ".join(f"{name} {value}" for name, value in known.items()))
