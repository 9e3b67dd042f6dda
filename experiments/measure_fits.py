r"""Measures the installed face model and MoFA: figures, and a picture of fits.

    python -m experiments.measure_fits --samples samples --portraits photos/*.jpg \
        --sheet docs/fits.jpg

On the samples that are never trained on, and on the photographs: errors of MoFA as
`pie fit` has it (`face.correction`), after refinement, and of the network alone, as JSON
(`experiments.mofa_figures` says what they mean); and for the photographs how far
identities lie apart. The sheet shows samples never trained on.
Refining takes 0.7 s of one core a picture. Needs opencv-python-headless.
"""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from pie_jax.converters import stack
from PIL import Image
from tqdm import tqdm

from experiments import fitting, mofa_figures, pnp, samples, script
from experiments.generate_samples import GENERATOR
from experiments.mofa_figures import Judge, Pictures
from experiments.train_mofa import drawn
from pie_jax.cli import huge_pages, shipped
from pie_jax.core.images import from_255
from pie_jax.core.theta import FaceParams
from pie_jax.face.views import views
from pie_jax.training.refine import refine

SHOWN = 16
_COLUMNS = 8
_SHOWN_SIZE = 256
_CHUNK = 20


def main() -> None:
    """Prints the figures, and draws the sheet if asked for."""
    args = _arguments()
    pnp.require_opencv()
    huge_pages.restart()
    stack.ensure("landmarks68")
    model, network = fitting.face_model(args.model), fitting.mofa(args.mofa)
    apply, params = shipped.corrected(network, model)
    judge = mofa_figures.judge(model, apply)
    _, held_out = samples.load(args.samples, GENERATOR)
    sets = mofa_figures.picture_sets(held_out, args.portraits)
    found: dict[str, dict] = {
        name: measure(judge, params, pictures, args.refine)
        for name, pictures in sets.items()
        if len(pictures.image_u8)
    }
    alone = mofa_figures.judge(model, network.apply)
    found["network"] = mofa_figures.figures_of_sets(alone, network.params, sets)
    if len(args.portraits) > 1:
        names = [path.stem for path in args.portraits]
        theta = mofa_figures.estimate(judge, params, sets["real"].image_u8)
        found["identities"] = distances(names, theta)
    if args.sheet:
        shown_u8 = sets["held_out"].image_u8[:SHOWN]
        theta = mofa_figures.estimate(judge, params, shown_u8)
        sheet(judge, theta, held_out.image_u8[:SHOWN]).save(args.sheet, quality=90)
    print(json.dumps(found, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, required=True, help="their folder")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--model", type=Path, help="default: the installed face model")
    parser.add_argument("--mofa", type=Path, help="default: the installed MoFA")
    parser.add_argument("--refine", type=int, default=60, help="steps")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="picture to write")
    return parser.parse_args()


def measure(
    judge: Judge, params: dict, pictures: Pictures, num_steps: int
) -> dict[str, float]:
    """MoFA's figures, and `refined_landmark` and `refined_colour`."""
    theta = mofa_figures.estimate(judge, params, pictures.image_u8)
    refined = improve(judge, theta, pictures, num_steps)
    left = mofa_figures.mean_errors(judge, refined, pictures)
    return mofa_figures.figures(judge, params, pictures) | {
        f"refined_{name}": value for name, value in left.items()
    }


def improve(
    judge: Judge, theta: FaceParams, pictures: Pictures, num_steps: int
) -> FaceParams:
    """Refines faces `[S]`, some at a time."""
    found = []
    for start in tqdm(range(0, len(pictures.image_u8), _CHUNK), unit="batch"):
        part = slice(start, start + _CHUNK)
        image = from_255(jnp.asarray(pictures.image_u8[part]))
        begun = jax.tree.map(lambda x, part=part: jnp.asarray(x[part]), theta)
        landmarks = jnp.asarray(pictures.landmarks[part])
        refined, _ = refine(judge.model, begun, image, landmarks, num_steps=num_steps)
        found.append(refined)
    return jax.tree.map(lambda *x: np.concatenate(x), *found)


def distances(names: Sequence[str], theta: FaceParams) -> dict[str, float]:
    """Distances of (identity, reflectance) between all pairs, nearest first."""
    codes = np.concatenate([theta.identity, theta.reflectance], axis=-1)
    pairs = {
        f"{names[i]} {names[j]}": float(np.linalg.norm(codes[i] - codes[j]))
        for i in range(len(names))
        for j in range(i)
    }
    return dict(sorted(pairs.items(), key=lambda pair: pair[1]))


def sheet(judge: Judge, theta: FaceParams, image_u8: np.ndarray) -> Image.Image:
    """Pictures, and below each its face over it, its geometry, albedo and shading.

    Args:
        judge: gives the model.
        theta: `[S]`.
        image_u8: `[S, H, H, 3]` uint8, S a multiple of eight.
    """
    look: partial[dict[str, Array]] = partial(
        jax.jit(jax.vmap(views, (None, 0, 0))), judge.model
    )
    rows = []
    for start in range(0, len(image_u8), _COLUMNS):
        part = slice(start, start + _COLUMNS)
        chosen = jax.tree.map(lambda x, part=part: x[part], theta)
        rows += drawn(look, chosen, image_u8[part], enlarged=1)
    return Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in rows]))


if __name__ == "__main__":
    script.run(main)
