r"""Trains the landmark network on generator samples, to do as dlib does.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_landmarks --samples samples --out landmarks \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`landmark_net.safetensors`, ready for `pie_jax/assets/`.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import pictures, samples, script, training_script
from experiments.batches import batches
from experiments.generators import GENERATOR
from experiments.parts import in_parts
from experiments.picture_sets import Pictures, picture_sets
from experiments.trainer import Task
from pie_jax.core.images import from_255
from pie_jax.losses.landmark import mean_distance
from pie_jax.networks.landmark_net import SIZE, LandmarkNet
from pie_jax.training.landmark_step import LandmarkBatch, landmark_objective
from pie_jax.training.update import adamw, training

_DLIB, _NETWORK = (0, 255, 0), (255, 0, 0)


def main() -> None:
    """Trains, evaluates, and writes the network."""
    parser = training_script.parser(
        __doc__, "portraits", steps=8000, batch=32, report_every=500
    )
    parser.add_argument("--width", type=float, default=0.5)
    args = parser.parse_args()
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    module, sets = LandmarkNet(args.width), picture_sets(held_out, args.portraits, SIZE)
    task = landmark_task(module, trained_on, sets, args.steps, args.batch)
    training_script.run(task, args, "landmark_net")


def landmark_task(
    module: LandmarkNet,
    trained_on: samples.Samples,
    sets: dict[str, Pictures],
    num_steps: int,
    batch_size: int,
) -> Task:
    """What `experiments.trainer` runs, of samples and sets at the network's size; the
    mean distance on each set is a figure."""

    def apply(params: Any, image: jax.Array) -> Any:
        return module.apply({"params": params}, image)

    find = jax.jit(lambda params, image_u8: apply(params, from_255(image_u8)))

    return Task(
        training=training(landmark_objective(apply), adamw(num_steps, 2e-3)),
        params=training_script.beginning(module, jnp.zeros((1, SIZE, SIZE, 3))),
        given=None,
        batches=partial(_following, trained_on, batch_size),
        evaluate=lambda params: {
            name: distance(find, params, *pair) for name, pair in sets.items()
        },
        preview=lambda params, path: draw(find, params, [*sets.values()], path),
        identity=training_script.identity(trained_on, batch_size, module.width),
    )


def _following(
    trained_on: samples.Samples, batch_size: int, first_step: int
) -> Iterator[LandmarkBatch]:
    for batch in batches(trained_on, batch_size, first_step):
        yield LandmarkBatch(jnp.asarray(batch.image_u8), jnp.asarray(batch.landmarks))


def distance(find: Any, params: Any, image_u8: np.ndarray, truth: np.ndarray) -> float:
    """Mean 66-point distance to dlib's, over the outer-eye distance."""
    found = in_parts(partial(find, params), image_u8)
    return float(mean_distance(jnp.asarray(found), jnp.asarray(truth)).mean())


def draw(find: Any, params: Any, sets: list, path: Path, columns: int = 8) -> None:
    """A row of each set: dlib's landmarks in green, the network's in red."""
    rows = []
    for image_u8, truth in sets:
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
    script.run(main)
