r"""Fits the encoder to generator samples: a start for the embedding.

    python -m experiments.generate_samples --num 4200 --out samples
    python -m experiments.train_encoder --samples samples --out encoder \
        --portraits photos/*.jpg

A ridge regression of low rank (Mukherjee and Zhu, "Reduced Rank Ridge Regression and
Its Kernel Extensions", 2011) of codes on thumbnails, in closed form: a minute. The
folder then holds `encoder.safetensors`, ready for `pie_jax/assets/`, its figures, and a
picture. Its model card says what else was tried.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import generators, pictures, ridge_regression, samples, script
from experiments.export import export, rounded
from experiments.generators import GENERATOR
from experiments.parts import in_parts
from experiments.picture_sets import picture_sets
from experiments.ridge_regression import Regression
from experiments.samples import Samples
from pie_jax import metrics
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Generator
from pie_jax.io import images
from pie_jax.networks import encoder, latents
from pie_jax.stack import converted

RIDGE = 1500.0
"""For pixels in [-1, 1]. Of 400, this and 4000 it gives held-out samples the most, 18.0
dB against 17.9 and 17.7."""

_SHOWN = 16

Project = Callable[[np.ndarray], np.ndarray]
"""Pictures `[S, H, H, 3]` uint8 to what the generator makes of their estimates."""


def main() -> None:
    """Fits, measures, draws, and writes the encoder."""
    args = script.parser(
        __doc__, "samples", "out", "portraits", rank=(64, "of the linear function")
    ).parse_args()
    trained_on, held_out = samples.load(args.samples, GENERATOR)
    few = held_out.take(slice(_SHOWN))
    sets = picture_sets(few, args.portraits, few.image_u8.shape[1])
    generator, params = generators.default()
    moments = latents.moments(generator, params)
    network = rounded(fit(trained_on, moments, generator.num_ws, args.rank))
    project = projection(generator, params, moments, network)
    args.out.mkdir(parents=True, exist_ok=True)
    shown = {f"{name}_psnr": x.image_u8 for name, x in sets.items()}
    figures = report(project, shown, args.out)
    data = f"{len(trained_on.seed)} samples of {GENERATOR}"
    header = {converted.KIND: "encoder", "data": data} | figures
    export(args.out / "encoder.safetensors", network, header)


def fit(
    trained_on: Samples,
    moments: dict[str, jax.Array],
    num_ws: int,
    rank: int,
    ridge: float = RIDGE,
) -> dict[str, Any]:
    """The encoder's parameters (`networks.encoder`), of this rank, learnt from samples of
    at least as many pixels as it sees; `moments` are those of the generator's codes."""
    pixels = _thumbnails(trained_on.image_u8)
    values = _knots(trained_on, moments, num_ws)
    # How far an error of one deviation leads; no less than a thousandth of the most.
    length = np.linalg.norm(moments["axes"], axis=0)
    weight = np.tile(np.maximum(length / length.max(), 1e-3), encoder.KNOTS)
    regression = ridge_regression.fit(pixels, values * weight, ridge)
    return _reduced(regression, pixels, weight, rank)


def _reduced(
    regression: Regression, pixels: np.ndarray, weight: np.ndarray, rank: int
) -> dict[str, Any]:
    """The principal components of what the regression says of these pictures."""
    kernel = regression.kernel.reshape(-1, regression.kernel.shape[-1])
    kernel = kernel * regression.deviation
    centre = regression.centre.reshape(-1)
    centred = pixels.reshape(len(pixels), -1) - centre
    said = centred @ kernel
    variances, directions = np.linalg.eigh(said.T @ said / len(said))
    kept = directions[:, ::-1][:, :rank]
    deviation = np.sqrt(variances[::-1][:rank])
    reduce = kernel @ kept / deviation
    knots = (kept * deviation).T / weight
    bias = regression.mean / weight - centre @ reduce @ knots
    return {"reduce": {"kernel": reduce}, "knots": {"kernel": knots, "bias": bias}}


def _thumbnails(image_u8: np.ndarray) -> np.ndarray:
    """What the encoder sees: `[S, SIZE * SIZE, 3]` in [-1, 1]."""
    small = samples.shrink(image_u8, encoder.SIZE)
    return np.asarray(from_255(jnp.asarray(small))).reshape(len(small), -1, 3)


def _knots(chosen: Samples, moments: dict[str, jax.Array], num_ws: int) -> np.ndarray:
    """The curves nearest to the codes' rows, `[S, KNOTS * 512]`."""
    codes = latents.whiten(moments, jnp.asarray(samples.w_plus(chosen, num_ws)))
    towards = np.linalg.pinv(encoder.profiles(num_ws))
    return np.einsum("kr,srd->skd", towards, codes).reshape(len(codes), -1)


def projection(
    generator: Generator, generator_params: Any, moments: Any, network: dict[str, Any]
) -> Project:
    """What the generator makes of the encoder's estimates."""
    module = encoder.Encoder(generator.num_ws, encoder.rank_of(network))

    @jax.jit
    def one(parts: Any, image_u8: jax.Array) -> jax.Array:
        code = module.apply({"params": parts["encoder"]}, from_255(image_u8))
        w_plus = latents.unwhiten(parts["latents"], jnp.asarray(code))
        return generator.synthesis(parts["generator"], w_plus)

    parts = {"generator": generator_params, "encoder": network, "latents": moments}

    def project(image_u8: np.ndarray) -> np.ndarray:
        # Each by itself: a picture of 1024 pixels takes a gigabyte on its way.
        found = in_parts(partial(one, parts), image_u8, size=1)
        return samples.shrink(images.to_u8(found), image_u8.shape[1])

    return project


def report(
    project: Project, shown: dict[str, np.ndarray], out: Path
) -> dict[str, float]:
    """Draws pictures with their estimates below, and gives the mean PSNRs in dB.

    Args:
        project: the encoder and its generator.
        shown: pictures `[S, H, H, 3]` uint8 by the name of their figure.
        out: an existing folder, gets `figures.json` and a picture for each name.
    """
    figures = {}
    for name, image_u8 in shown.items():
        found_u8 = project(image_u8)
        both = (jnp.asarray(x, jnp.float32) for x in (found_u8, image_u8))
        figures[name] = float(metrics.psnr(*both).mean())
        pictures.sheet(out / f"{name}.png", [image_u8, found_u8])
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))
    return figures


if __name__ == "__main__":
    script.run(main)
