r"""Trains the encoder on generator samples: a start for the embedding.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_encoder --samples samples --out encoder \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`encoder.safetensors`, ready for `pie_jax/assets/`. What errors matter is measured on
the generator first (`sensitivity.npz` in the folder, about a second a probe).
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import stack

from experiments import (
    code_sensitivity,
    fitting,
    pictures,
    real_portraits,
    samples,
    script,
    training_script,
)
from experiments.batches import batches
from experiments.generate_samples import GENERATOR
from experiments.trainer import Task
from pie_jax import catalogue
from pie_jax.cli import huge_pages
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Generator
from pie_jax.io import images, weights
from pie_jax.networks import latents
from pie_jax.networks.encoder import SIZE, Encoder, to_w_plus
from pie_jax.training.encoder_step import (
    CodeWeights,
    EncoderBatch,
    code_distance,
    encoder_objective,
)
from pie_jax.training.update import adamw, training

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


class Judge(NamedTuple):
    """The functions that are measured with, compiled once for a training, and on what.

    `params` are the encoder's.
    """

    errors: Callable[[Any, EncoderBatch], jax.Array]
    """`(params, batch) -> errors [2, B]`, see `_errors`."""
    project: Callable[[Any, np.ndarray], jax.Array]
    """`(params, image_u8 [1, H, H, 3]) -> image [1, R, R, 3]`."""
    moments: dict[str, jax.Array]
    data: Data


def main() -> None:
    """Trains, evaluates, and writes the encoder."""
    args = _arguments()
    huge_pages.restart()
    stack.ensure(GENERATOR, *(["landmarks68"] if args.portraits else []))
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    real = real_portraits.load(args.portraits, SIZE)
    args.out.mkdir(parents=True, exist_ok=True)
    setup = _setup(args, trained_on)
    data = Data(trained_on, held_out, real.image_u8)
    task = encoder_task(setup, data, args.steps, args.batch)
    task = task._replace(identity=task.identity | {"probes": args.probes})
    if args.mofa is not None:
        task = _with_body(task, fitting.mofa(args.mofa).params)
    training_script.run(task, args, "encoder")


def _arguments() -> Namespace:
    parser = training_script.parser(
        __doc__, steps=12_000, batch=32, width=0.75, report_every=1000
    )
    parser.add_argument("--probes", type=int, default=100)
    parser.add_argument(
        "--mofa", type=Path, help="a mofa.safetensors of this width, to take over from"
    )
    return parser.parse_args()


def _with_body(task: Task, mofa: Any) -> Task:
    """Begins with MoFA's body, which has learned to look at the same pictures.

    Raises:
        PieError: MoFA is of another width.
    """
    begun = task.params | {name: mofa[name] for name in ("body", "reduce")}
    weights.check(begun, task.params, "MoFA's body", "Give one of the same --width.")
    begun_with = {"mofa": training_script.digest(begun)}
    return task._replace(params=begun, identity=task.identity | begun_with)


def _setup(args: Namespace, trained_on: samples.Samples) -> Setup:
    generator = catalogue.GENERATORS[GENERATOR].build()
    params = jax.tree.map(jnp.asarray, weights.load(GENERATOR))
    moments = latents.moments(generator, params)
    kept = args.out / "sensitivity.npz"
    measured = code_sensitivity.saved(kept, GENERATOR, args.probes)
    if measured is None:
        codes = samples.w_plus(trained_on.take(slice(args.probes)), generator.num_ws)
        measured = code_sensitivity.measure(
            generator, params, moments["axes"], codes, args.probes
        )
        code_sensitivity.save(kept, measured, GENERATOR, args.probes)
    given = code_sensitivity.code_weights(moments["axes"], measured)
    module = Encoder(generator.num_ws, args.width)
    return Setup(module, generator, params, moments, given)


def encoder_task(setup: Setup, data: Data, num_steps: int, batch_size: int) -> Task:
    """What `experiments.trainer` runs.

    Args:
        setup: the encoder and its generator.
        data: to train on, and to evaluate with; there may be no photographs.
        num_steps: of the training.
        batch_size: samples in an update.
    """
    project = jax.jit(partial(_project, setup))
    judge = Judge(
        jax.jit(partial(_errors, setup)),
        lambda params, image_u8: project(params, setup.generator_params, image_u8),
        setup.moments,
        data,
    )
    objective = encoder_objective(partial(_estimate, setup.module))
    return Task(
        training=training(objective, adamw(num_steps, 1e-3)),
        params=training_script.beginning(setup.module, SIZE),
        given=setup.given,
        batches=partial(_following, setup.moments, data.trained_on, batch_size),
        evaluate=partial(evaluate, judge),
        preview=partial(preview, judge),
        identity=training_script.identity(
            data.trained_on, batch_size, setup.module.width
        ),
    )


def _following(
    moments: dict[str, jax.Array],
    trained_on: samples.Samples,
    batch_size: int,
    first_step: int,
) -> Iterator[EncoderBatch]:
    chosen = batches(trained_on, batch_size, first_step=first_step)
    return map(partial(_to_batch, moments), chosen)


def _to_batch(moments: dict[str, jax.Array], chosen: samples.Samples) -> EncoderBatch:
    code = latents.whiten(moments, jnp.asarray(chosen.w))
    return EncoderBatch(
        jnp.asarray(chosen.image_u8), code, jnp.asarray(chosen.crossover)
    )


def evaluate(judge: Judge, params: Any) -> dict[str, float]:
    """Figures of the encoder.

    Returns:
        - `unexplained`: weighted squared errors of the held-out codes, over those of
          the mean face.
        - `held_out_psnr`, `real_psnr`: in dB, of what the generator makes of the
          estimates of twenty held-out pictures, and of the photographs.
    """
    data = judge.data
    chunks = range(0, len(data.held_out.seed), _CHUNK)
    parts = (data.held_out.take(slice(start, start + _CHUNK)) for start in chunks)
    found = [judge.errors(params, _to_batch(judge.moments, part)) for part in parts]
    error, variance = np.concatenate(found, axis=1).mean(axis=1)
    figures = {"unexplained": float(error / variance)}
    sets = {"held_out_psnr": data.held_out.image_u8[:20], "real_psnr": data.real_u8}
    for name, image_u8 in sets.items():
        if len(image_u8):
            figures[name] = psnr(_projections(judge, params, image_u8), image_u8)
    return figures


def preview(judge: Judge, params: Any, path: Path) -> None:
    """Draws rows of pictures, and below each what the generator makes of it."""
    rows = []
    for image_u8 in (judge.data.held_out.image_u8, judge.data.real_u8):
        for start in range(0, min(len(image_u8), 2 * _COLUMNS), _COLUMNS):
            chosen = image_u8[np.arange(start, start + _COLUMNS) % len(image_u8)]
            rows += [chosen, _projections(judge, params, chosen)]
    pictures.sheet(path, rows)


def _projections(judge: Judge, params: Any, image_u8: np.ndarray) -> np.ndarray:
    """Each by itself: a picture of 1024 pixels takes a gigabyte on its way."""
    found = [judge.project(params, x[None]) for x in image_u8]
    full_u8 = images.to_u8(np.concatenate(found))
    return samples.shrink(full_u8, image_u8.shape[1])


def _estimate(module: Encoder, params: Any, image: jax.Array) -> Any:
    """The encoder's (code, offsets)."""
    return module.apply({"params": params}, image)


def _errors(setup: Setup, params: Any, batch: EncoderBatch) -> jax.Array:
    """Weighted squared errors `[2, B]`, of the estimate and of the mean face."""
    code, offsets = _estimate(setup.module, params, from_255(batch.image_u8))
    found = code[:, None] + offsets
    estimated = code_distance(setup.given, found, batch)
    return jnp.stack([estimated, code_distance(setup.given, 0 * found, batch)])


def _project(
    setup: Setup, params: Any, generator_params: Any, image_u8: jax.Array
) -> jax.Array:
    """The generator's pictures of the estimated codes."""
    code, offsets = _estimate(setup.module, params, from_255(image_u8))
    w_plus = to_w_plus(setup.moments, code, offsets)
    return setup.generator.synthesis(generator_params, w_plus)


def psnr(found_u8: np.ndarray, image_u8: np.ndarray) -> float:
    """Mean PSNR in dB of pictures `[S, H, H, 3]` at the encoder's size."""
    error = np.mean((np.float64(found_u8) - image_u8) ** 2, axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255.0**2 / error)))


if __name__ == "__main__":
    script.run(main)
