r"""Learns how skin varies, from MoFA's fits of generator samples.

    python -m experiments.learn_reflectance --samples samples \
        --mofa mofa/mofa.safetensors --out albedo.safetensors
    python -m experiments.build_morphable --albedo albedo.safetensors \
        --out pie_jax/assets/morphable.safetensors

Every sample's colours are looked up at the vertices and divided by the fit's shading.
Principal components of what is visible follow. Then MoFA is trained again, on a face
model that has them. Before there is any MoFA leave it out: fits then begin with the
mean head, and want more steps (`--refine 150`, 1.5 s of one core a sample).
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from experiments import fitting, samples, script
from experiments.batches import mirror_some
from experiments.export import export
from experiments.fitting import Estimator
from experiments.generators import GENERATOR
from experiments.parts import in_parts
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Estimate
from pie_jax.core.theta import SIZES, neutral
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.graphics.sampling import sample
from pie_jax.training.refine import refine

# A colour so far from the fit's is hair or glasses, not skin.
_FOREIGN = 0.3
# Less light than this shows no colour.
_DARKEST = 0.15
# Vertices that are seen in fewer pictures (sum of weights) keep the colour they had.
_RARE = 10.0


class Unwrapped(NamedTuple):
    """Colours of S faces without their light."""

    albedo: Any
    """`[S, V, 3]`."""
    weights: Any
    """`[S, V]` in [0, 1], how sure it is."""


def main() -> None:
    """Fits, unwraps, and writes the basis."""
    parser = script.parser(
        __doc__,
        *("samples", "model", "out"),
        num=(3000, "samples to learn from"),
        refine=(60, "steps after MoFA"),
        rounds=(30, "of the analysis"),
    )
    parser.add_argument("--mofa", type=Path, help="a mofa.safetensors to begin with")
    args = parser.parse_args()
    model = fitting.face_model(args.model)
    apply, params = estimator(args.mofa)
    chosen, _ = samples.load(args.samples, GENERATOR, most=args.num)
    # Skin is as likely one way round as the other.
    chosen = mirror_some(chosen, np.arange(len(chosen.seed)) % 2 == 1)
    compiled = jax.jit(look_up, static_argnums=(0, 2))
    look = partial(compiled, apply, model, args.refine, params)
    unwrapped = in_parts(look, chosen.image_u8, chosen.landmarks)
    about = {"data": f"{len(chosen.seed)} samples of {GENERATOR}"}
    export(args.out, learn(model, unwrapped, args.rounds), about)


def estimator(file: Path | None) -> Estimator:
    """MoFA of a file; the mean head, and no parameters, without one."""
    if file is None:
        return Estimator(lambda params, image: neutral((len(image),)), None)
    return fitting.mofa(file)


def look_up(
    apply: Estimate,
    model: Morphable,
    num_steps: int,
    params: Any,
    image_u8: Array,
    landmarks: Array,
) -> Unwrapped:
    """Fits faces and removes their light.

    Args:
        apply: where fits begin.
        model: the face model.
        num_steps: of the refinement after that.
        params: what `apply` takes.
        image_u8: `[B, H, H, 3]` uint8.
        landmarks: `[B, 68, 2]` in fractions of the frame.
    """
    image = from_255(image_u8)
    theta = apply(params, image)
    if num_steps:
        theta, _ = refine(model, theta, image, landmarks, num_steps=num_steps)
    rendering = render_vertices(model, theta, image.shape[1])
    seen = sample((image + 1) / 2, rendering.points)
    light = jnp.maximum(rendering.shading, _DARKEST)
    distance = jnp.linalg.norm(seen - rendering.colours, axis=-1)
    # Seen from the side, a vertex shows its neighbours.
    frontal = jnp.maximum(rendering.normals[..., 2], 0)
    weights = rendering.visible * frontal * jnp.exp(-((distance / _FOREIGN) ** 2))
    lit = jnp.min(rendering.shading, axis=-1) > _DARKEST
    return Unwrapped(jnp.clip(seen / light, 0, 1.5), weights * lit)


def learn(
    model: Morphable,
    unwrapped: Unwrapped,
    rounds: int,
    count: int = SIZES["reflectance"],
) -> dict[str, np.ndarray]:
    """A reflectance basis from colours with gaps, for `build_morphable`: `albedo_mean`
    `[V, 3]` and `albedo` `[count, V, 3]`."""
    before = np.asarray(model.albedo_mean)
    colours = unwrapped.albedo.reshape(len(unwrapped.albedo), -1)
    weights = unwrapped.weights.repeat(3, axis=1)
    known = weights.sum(axis=0)
    mean = (weights * colours).sum(axis=0) / np.maximum(known, 1e-6)
    mean = np.where(known < _RARE, before.ravel(), mean)
    # Where nothing is known, the old components say how skin goes on.
    start = np.asarray(model.albedo).reshape(len(model.albedo), -1)[:count]
    shift, components = fill(colours - mean, weights, start, rounds)
    return {
        "albedo_mean": (mean + shift).reshape(before.shape).clip(0, 1),
        "albedo": components.reshape(-1, *before.shape),
    }


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


if __name__ == "__main__":
    script.run(main)
