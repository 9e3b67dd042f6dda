r"""Measures the installed face model and MoFA: figures, and a picture of fits.

    python -m experiments.measure_fits --samples samples --portraits photos/*.jpg \
        --sheet docs/fits.jpg

On the samples that are never trained on, and on the photographs: errors of MoFA as
`pie fit` has it (`face.correction`), after refinement, and of the network alone, as JSON
(`experiments.mofa_figures` says what they mean); and for the photographs how far
identities lie apart. The sheet shows samples never trained on.
Refining takes 0.7 s of one core a picture. Needs opencv-python-headless.
"""

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
from jax import Array

from experiments import fitting, mofa_figures, pictures, pnp, samples, script
from experiments.generators import GENERATOR
from experiments.mofa_figures import Judge
from experiments.parts import in_parts
from experiments.picture_sets import Pictures, picture_sets
from experiments.train_mofa import drawn
from pie_jax.core.images import from_255
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.face import correction
from pie_jax.face.morphable import Morphable
from pie_jax.networks.mofa import SIZE
from pie_jax.training.refine import refine

SHOWN = 16
_COLUMNS = 8


def main() -> None:
    """Prints the figures, and draws the sheet if asked for."""
    args = script.parser(
        __doc__,
        *("samples", "portraits", "model", "mofa", "sheet"),
        refine=(60, "steps"),
    ).parse_args()
    pnp.require_opencv()
    model, network = fitting.face_model(args.model), fitting.mofa(args.mofa)
    installed = fitting.installed()
    apply = correction.corrected(network.apply, installed.functions.find_landmarks)
    params = dataclasses.replace(
        installed.params, mofa=network.params, face_model=model
    )
    judge = mofa_figures.judge(model, apply)
    _, held_out = samples.load(args.samples, GENERATOR)
    sets = picture_sets(held_out, args.portraits, SIZE)
    found: dict[str, dict] = {
        name: measure(judge, params, x, args.refine) for name, x in sets.items()
    }
    alone = mofa_figures.judge(model, network.apply)
    found["network"] = mofa_figures.figures_of_sets(alone, network.params, sets)
    if len(args.portraits) > 1:
        names = [path.stem for path in args.portraits]
        theta = mofa_figures.estimate(judge, params, sets["real"].image_u8)
        found["identities"] = distances(names, theta)
    if args.sheet:
        theta = mofa_figures.estimate(judge, params, sets["held_out"].image_u8[:SHOWN])
        pictures.sheet(args.sheet, rows(model, theta, held_out.image_u8[:SHOWN]))
    print(json.dumps(found, indent=1))


def measure(
    judge: Judge, params: Params, pictures: Pictures, num_steps: int
) -> dict[str, float]:
    """MoFA's figures, and `refined_landmark` and `refined_colour`."""

    def improve(theta: FaceParams, image_u8: Array, landmarks: Array) -> FaceParams:
        image = from_255(image_u8)
        return refine(judge.model, theta, image, landmarks, num_steps=num_steps)[0]

    theta = mofa_figures.estimate(judge, params, pictures.image_u8)
    refined = in_parts(improve, theta, *pictures, size=20)
    left = mofa_figures.mean_errors(judge, refined, pictures)
    return mofa_figures.figures(judge, params, pictures) | {
        f"refined_{name}": value for name, value in left.items()
    }


def distances(names: Sequence[str], theta: FaceParams) -> dict[str, float]:
    """Distances of (identity, reflectance) between all pairs, nearest first."""
    codes = np.concatenate([theta.identity, theta.reflectance], axis=-1)
    pairs = {
        f"{names[i]} {names[j]}": float(np.linalg.norm(codes[i] - codes[j]))
        for i in range(len(names))
        for j in range(i)
    }
    return dict(sorted(pairs.items(), key=lambda pair: pair[1]))


def rows(model: Morphable, theta: FaceParams, image_u8: np.ndarray) -> list[np.ndarray]:
    """Rows of pictures `[S, H, H, 3]` uint8, S a multiple of eight, and below each its
    face `[S]` over it, its geometry, albedo, shading."""
    seen = np.stack(drawn(model, theta, image_u8, enlarged=1))
    parts = np.split(seen, len(image_u8) // _COLUMNS, axis=1)
    return [row for part in parts for row in part]


if __name__ == "__main__":
    script.run(main)
