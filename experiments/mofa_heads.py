"""MoFA's heads, which are linear: read as maps to theta, composed, and written again."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from experiments import fitting, mofa_figures, pnp, samples, script
from experiments.export import write
from experiments.fitting import Estimator
from experiments.generators import GENERATOR
from experiments.mofa_figures import Judge
from experiments.picture_sets import Pictures, picture_sets
from pie_jax.core.errors import PieError
from pie_jax.core.theta import neutral
from pie_jax.face.morphable import Morphable
from pie_jax.io.arrays import Arrays
from pie_jax.networks.mofa import SCALES, SIZE
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


class Refit(NamedTuple):
    """What a script that refits heads begins with, and measures by."""

    args: Namespace
    file: Arrays
    """MoFA as it was."""
    model: Morphable
    network: Estimator
    judge: Judge
    image_u8: np.ndarray
    """`[S, SIZE, SIZE, 3]`, the samples to learn from."""
    sets: dict[str, Pictures]


def begin(description: str | None, num: int) -> Refit:
    """Reads what the command line names; at most `num` samples, if it says no other.

    Raises:
        PieError: OpenCV, a file, or samples are missing.
    """
    parser = script.parser(
        description,
        *("samples", "model", "portraits", "out"),
        num=(num, "samples to look at"),
    )
    parser.add_argument("--mofa", type=Path, required=True, help="a mofa.safetensors")
    args = parser.parse_args()
    pnp.require_opencv()
    model, network = fitting.face_model(args.model), fitting.mofa(args.mofa)
    chosen, held_out = samples.load(args.samples, GENERATOR, most=args.num)
    return Refit(
        args,
        fitting.read(args.mofa),
        model,
        network,
        mofa_figures.judge(model, network.apply),
        samples.shrink(chosen.image_u8, SIZE),
        picture_sets(held_out, args.portraits, SIZE),
    )


def export(refit: Refit, changed: Mapping[str, np.ndarray]) -> None:
    """Measures MoFA with changed arrays, prints its figures, and writes it.

    Raises:
        PieError: an array is not finite.
    """
    arrays = refit.file.flat | dict(changed)
    if bad := sorted(k for k, x in arrays.items() if not np.isfinite(x).all()):
        raise PieError(f"not finite: {', '.join(bad)}")
    params = refit.network.params | Arrays(arrays, {}).single_precision()
    figures = mofa_figures.figures_of_sets(refit.judge, params, refit.sets)
    known = {name: f"{value:.4f}" for name, value in figures.items()}
    # Figures that are not measured again would be those of the layers before.
    about = (converted.KIND, "data")
    unchanged = {k: text for k, text in refit.file.metadata.items() if k in about}
    write(refit.args.out, arrays, unchanged | known)
    print(", ".join(f"{name} {value}" for name, value in known.items()))
