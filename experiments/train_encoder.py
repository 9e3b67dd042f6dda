r"""Trains the encoder on generator samples: a start for the embedding.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_encoder --samples samples --out encoder \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`encoder.safetensors`, ready for `pie_jax/assets/`. What errors matter is measured on
the generator first (`sensitivity.npz` in the folder, about a second a probe).
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import stack
from tqdm import tqdm

from experiments import pictures, real_portraits, samples
from experiments.batches import batches
from experiments.export import export
from experiments.generate_samples import GENERATOR
from experiments.trainer import Task, train
from pie_jax import assembly
from pie_jax.cli import huge_pages
from pie_jax.core.interfaces import Generator
from pie_jax.io import atomic, images, weights
from pie_jax.networks import latents
from pie_jax.networks.encoder import SIZE, Encoder, to_w_plus
from pie_jax.training import sensitivity
from pie_jax.training.encoder_step import (
    CodeWeights,
    EncoderBatch,
    code_distance,
    encoder_objective,
)
from pie_jax.training.update import adamw, training

PIXEL_SHARE = 0.8
"""Of the weights; the rest follows the variance of w, for what few pixels show."""

_CHUNK = 50
_COLUMNS = 8


class Setup(NamedTuple):
    """What is trained, and against what.

    Attributes:
        module: the encoder.
        generator: whose codes it estimates.
        generator_params: its parameters.
        moments: of its codes.
        given: what errors matter.
    """

    module: Encoder
    generator: Generator
    generator_params: Any
    moments: dict[str, jax.Array]
    given: CodeWeights


class Data(NamedTuple):
    """At the encoder's size: samples, and photographs `[P, SIZE, SIZE, 3]` uint8."""

    trained_on: samples.Samples
    held_out: samples.Samples
    real_u8: np.ndarray


def main() -> None:
    """Trains, evaluates, and writes the encoder."""
    args = _arguments()
    huge_pages.restart()
    stack.ensure(GENERATOR, *(["landmarks68"] if args.portraits else []))
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    real = real_portraits.load(args.portraits, SIZE)
    args.out.mkdir(parents=True, exist_ok=True)
    setup = _setup(args, held_out)
    task = encoder_task(
        setup, Data(trained_on, held_out, real.image_u8), args.steps, args.batch
    )
    params = train(task, args.out, args.steps, args.report_every)
    figures = {name: f"{value:.5f}" for name, value in task.evaluate(params).items()}
    about = {"data": f"{len(trained_on.seed)} samples of {GENERATOR}"}
    export(args.out / "encoder.safetensors", params, about | figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, required=True, help="their folder")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=float, default=0.75)
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument("--report-every", type=int, default=1000)
    return parser.parse_args()


def _setup(args: argparse.Namespace, held_out: samples.Samples) -> Setup:
    generator = assembly.GENERATORS[GENERATOR].build()
    params = jax.tree.map(jnp.asarray, weights.load(GENERATOR))
    moments = latents.moments(generator, params)
    kept = args.out / "sensitivity.npz"
    if not kept.exists():
        codes = samples.w_plus(held_out, generator.num_ws)
        common, rows = measure(generator, params, moments, codes, args.probes)
        with atomic.replacing(kept) as file:
            np.savez(file, common=common, rows=rows)
    with np.load(kept) as measured:
        given = code_weights(moments, measured["common"], measured["rows"])
    module = Encoder(generator.num_ws, args.width)
    return Setup(module, generator, params, moments, given)


def measure(
    generator: Generator,
    params: Any,
    moments: dict[str, jax.Array],
    codes: np.ndarray,
    num_probes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Means of `sensitivity.probe` over codes `[S, num_ws, 512]`, one after another."""
    size = min(samples.SIZE, generator.resolution)
    probe = jax.jit(partial(sensitivity.probe, generator.synthesis, size=size))
    keys = jax.random.split(jax.random.key(0), num_probes)
    found = [
        probe(params, moments["axes"], key, codes[i % len(codes)])
        for i, key in enumerate(tqdm(keys, unit="probe"))
    ]
    common, rows = (np.mean(x, axis=0) for x in zip(*found, strict=True))
    return common, rows


def code_weights(
    moments: dict[str, jax.Array], common: np.ndarray, rows: np.ndarray
) -> CodeWeights:
    """What errors of a code matter; one deviation everywhere, in all rows, weighs 1.

    Args:
        moments: of the codes.
        common: `[512]`, the picture's sensitivity to all rows together.
        rows: `[num_ws, 512]`, to each.
    """
    variance = np.sum(np.asarray(moments["axes"]) ** 2, axis=0)
    pixel = PIXEL_SHARE / common.sum()
    rest = (1 - PIXEL_SHARE) * variance / variance.sum()
    return CodeWeights(
        common=jnp.asarray(pixel * common + rest),
        rows=jnp.asarray(pixel * rows + rest / len(rows)),
    )


def encoder_task(setup: Setup, data: Data, num_steps: int, batch_size: int) -> Task:
    """What `experiments.trainer` runs.

    Args:
        setup: the encoder and its generator.
        data: to train on, and to evaluate with; there may be no photographs.
        num_steps: of the training.
        batch_size: samples in an update.
    """
    estimate = partial(_estimate, setup.module)
    project = jax.jit(partial(_project, setup))
    errors = jax.jit(partial(_errors, setup))

    def to_batch(chosen: samples.Samples) -> EncoderBatch:
        code = latents.whiten(setup.moments, jnp.asarray(chosen.w))
        return EncoderBatch(
            jnp.asarray(chosen.image_u8), code, jnp.asarray(chosen.crossover)
        )

    def projections(params: Any, image_u8: np.ndarray) -> np.ndarray:
        """Each by itself: a picture of 1024 pixels takes a gigabyte on its way."""
        found = [project(params, setup.generator_params, x[None]) for x in image_u8]
        full_u8 = images.to_u8(np.concatenate(found))
        return samples.shrink(full_u8, image_u8.shape[1])

    def evaluate(params: Any) -> dict[str, float]:
        chunks = range(0, len(data.held_out.seed), _CHUNK)
        parts = [data.held_out.take(slice(start, start + _CHUNK)) for start in chunks]
        found = np.concatenate([errors(params, to_batch(x)) for x in parts], axis=1)
        error, variance = found.mean(axis=1)
        figures = {"unexplained": float(error / variance)}
        sets = {"held_out_psnr": data.held_out.image_u8[:20], "real_psnr": data.real_u8}
        for name, image_u8 in sets.items():
            if len(image_u8):
                figures[name] = psnr(projections(params, image_u8), image_u8)
        return figures

    def preview(params: Any, path: Path) -> None:
        rows = []
        for image_u8 in (data.held_out.image_u8, data.real_u8):
            for start in range(0, min(len(image_u8), 2 * _COLUMNS), _COLUMNS):
                chosen = image_u8[np.arange(start, start + _COLUMNS) % len(image_u8)]
                rows += [chosen, projections(params, chosen)]
        pictures.sheet(path, rows)

    def following(first_step: int) -> Iterator[EncoderBatch]:
        chosen = batches(data.trained_on, batch_size, first_step=first_step)
        return map(to_batch, chosen)

    blank = jnp.zeros((1, SIZE, SIZE, 3))
    # Drawing all kernels by JAX's default generator takes XLA 20 seconds to compile.
    key = jax.random.key(0, impl="rbg")
    return Task(
        training=training(encoder_objective(estimate), adamw(num_steps, 1e-3)),
        params=jax.jit(setup.module.init)(key, blank)["params"],
        given=setup.given,
        batches=following,
        evaluate=evaluate,
        preview=preview,
    )


def _estimate(module: Encoder, params: Any, image: jax.Array) -> Any:
    """The encoder's (code, offsets)."""
    return module.apply({"params": params}, image)


def _errors(setup: Setup, params: Any, batch: EncoderBatch) -> jax.Array:
    """Weighted squared errors `[2, B]`, of the estimate and of the mean face."""
    code, offsets = _estimate(setup.module, params, batch.image_u8 / 127.5 - 1)
    found = code[:, None] + offsets
    estimated = code_distance(setup.given, found, batch)
    return jnp.stack([estimated, code_distance(setup.given, 0 * found, batch)])


def _project(
    setup: Setup, params: Any, generator_params: Any, image_u8: jax.Array
) -> jax.Array:
    """The generator's pictures of the estimated codes."""
    code, offsets = _estimate(setup.module, params, image_u8 / 127.5 - 1)
    w_plus = to_w_plus(setup.moments, code, offsets)
    return setup.generator.synthesis(generator_params, w_plus)


def psnr(found_u8: np.ndarray, image_u8: np.ndarray) -> float:
    """Mean PSNR in dB of pictures `[S, H, H, 3]` at the encoder's size."""
    error = np.mean((np.float64(found_u8) - image_u8) ** 2, axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255.0**2 / error)))


if __name__ == "__main__":
    main()
