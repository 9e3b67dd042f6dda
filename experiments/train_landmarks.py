r"""Trains the landmark network on generator samples, to do as dlib does.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_landmarks --samples samples --out landmarks \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`landmark_net.safetensors`, ready for `pie_jax/assets/`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import stack

from experiments import pictures, real_portraits, samples
from experiments.batches import batches
from experiments.export import export
from experiments.generate_samples import GENERATOR
from experiments.trainer import Task, train
from pie_jax.cli import huge_pages
from pie_jax.core.ibug import SIXTY_SIX
from pie_jax.losses.landmark import relative_distances
from pie_jax.networks.landmark_net import SIZE, LandmarkNet
from pie_jax.training.landmark_step import LandmarkBatch, landmark_objective
from pie_jax.training.update import adamw, training

_DLIB, _NETWORK = (0, 255, 0), (255, 0, 0)
_CHUNK = 50


def main() -> None:
    """Trains, evaluates, and writes the network."""
    args = _arguments()
    huge_pages.restart()
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    if args.portraits:
        stack.ensure("landmarks68")
    real = real_portraits.load(args.portraits, SIZE)
    module = LandmarkNet(args.width)
    sets = {
        "held_out": (held_out.image_u8, held_out.landmarks),
        "real": (real.image_u8, real.landmarks),
    }
    task = landmark_task(module, trained_on, sets, args.steps, args.batch)
    params = train(task, args.out, args.steps, args.report_every)
    figures = {name: f"{value:.5f}" for name, value in task.evaluate(params).items()}
    about = {"data": f"{len(trained_on.seed)} samples of {GENERATOR}, dlib's landmarks"}
    export(args.out / "landmark_net.safetensors", params, about | figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, required=True, help="their folder")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--report-every", type=int, default=500)
    return parser.parse_args()


def landmark_task(
    module: LandmarkNet,
    trained_on: samples.Samples,
    sets: dict[str, tuple[np.ndarray, np.ndarray]],
    num_steps: int,
    batch_size: int,
) -> Task:
    """What `experiments.trainer` runs.

    Args:
        module: the network.
        trained_on: samples at the network's size.
        sets: pictures `[S, SIZE, SIZE, 3]` and landmarks `[S, 68, 2]` by name; the
            mean distance on each is a figure. Empty ones are left out.
        num_steps: of the training.
        batch_size: samples in an update.
    """

    def apply(params: Any, image: jax.Array) -> Any:
        return module.apply({"params": params}, image)

    @jax.jit
    def find(params: Any, image_u8: jax.Array) -> jax.Array:
        return apply(params, image_u8 / 127.5 - 1)

    def evaluate(params: Any) -> dict[str, float]:
        return {
            name: distance(find, params, image_u8, landmarks)
            for name, (image_u8, landmarks) in sets.items()
            if len(image_u8)
        }

    def preview(params: Any, path: Path) -> None:
        draw(find, params, list(sets.values()), path)

    def data(first_step: int) -> Iterator[LandmarkBatch]:
        for batch in batches(
            trained_on, batch_size, first_step=first_step, mirror=True
        ):
            yield LandmarkBatch(
                jnp.asarray(batch.image_u8), jnp.asarray(batch.landmarks)
            )

    blank = jnp.zeros((1, SIZE, SIZE, 3))
    # Drawing all kernels by JAX's default generator takes XLA 20 seconds to compile.
    key = jax.random.key(0, impl="rbg")
    return Task(
        training=training(landmark_objective(apply), adamw(num_steps, 2e-3)),
        params=jax.jit(module.init)(key, blank)["params"],
        given=None,
        batches=data,
        evaluate=evaluate,
        preview=preview,
    )


def distance(find: Any, params: Any, image_u8: np.ndarray, truth: np.ndarray) -> float:
    """Mean 66-point distance to dlib's, over the outer-eye distance."""
    found = np.concatenate(
        [
            find(params, image_u8[start : start + _CHUNK])
            for start in range(0, len(image_u8), _CHUNK)
        ]
    )
    distances = relative_distances(jnp.asarray(found), jnp.asarray(truth))
    return float(distances[:, jnp.array(SIXTY_SIX)].mean())


def draw(find: Any, params: Any, sets: list, path: Path, columns: int = 8) -> None:
    """A row of each set: dlib's landmarks in green, the network's in red."""
    rows = []
    for image_u8, truth in sets:
        if not len(image_u8):
            continue
        chosen = np.arange(columns) % len(image_u8)  # few are repeated
        found = np.asarray(find(params, image_u8[chosen]))
        row = []
        for i, points in zip(chosen, found, strict=True):
            large = image_u8[i].repeat(2, axis=0).repeat(2, axis=1)
            marked = pictures.dotted(large, truth[i], _DLIB)
            row.append(pictures.dotted(marked, points, _NETWORK))
        rows.append(np.stack(row))
    pictures.sheet(path, rows)


if __name__ == "__main__":
    main()
