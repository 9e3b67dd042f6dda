r"""Trains MoFA on generator samples, without labels but dlib's landmarks.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_mofa --samples samples --out mofa \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`mofa.safetensors`, ready for `pie_jax/assets/`. Previews show, from above, pictures,
the face over them, geometry, albedo and shading. Needs opencv-python-headless, to judge
the pose.
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
    fitting,
    pictures,
    pnp,
    real_portraits,
    samples,
    script,
    training_script,
)
from experiments.batches import batches
from experiments.generate_samples import GENERATOR
from experiments.mofa_figures import Judge, Pictures, estimate, figures, judge
from experiments.trainer import Task
from pie_jax.cli import huge_pages
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.views import views
from pie_jax.io import weights
from pie_jax.networks.mofa import SIZE, MoFA
from pie_jax.training.mofa_step import WEIGHTS, MofaBatch, MofaGiven, mofa_objective
from pie_jax.training.update import adamw, training

PLACED, PAINTED = 0.04, 0.08
"""Shares of the training after which colours begin to count, and count wholly."""

_VIEWS = ("overlay", "geometry", "albedo", "shading")
_COLUMNS = 8
_ENLARGED = 2


class Data(NamedTuple):
    """At the network's size: samples to train on, and sets of pictures by name, whose
    figures are reported."""

    trained_on: samples.Samples
    sets: dict[str, Pictures]


class Tools(NamedTuple):
    """What evaluates and draws, compiled once for a training, and on which pictures."""

    judge: Judge
    look: Callable[[FaceParams, np.ndarray], dict[str, jax.Array]]
    """`(theta [n], image [n, H, H, 3] in [0, 1]) -> views by name`."""
    sets: dict[str, Pictures]


def main() -> None:
    """Trains, evaluates, and writes the network."""
    args = _arguments()
    pnp.require_opencv()
    huge_pages.restart()
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    if args.portraits:
        stack.ensure("landmarks68")
    real = real_portraits.load(args.portraits, SIZE)
    sets = {
        "held_out": Pictures(held_out.image_u8, held_out.landmarks),
        "real": Pictures(real.image_u8, real.landmarks),
    }
    module, model = MoFA(args.width), fitting.face_model(args.model)
    task = mofa_task(module, model, Data(trained_on, sets), args.steps, args.batch)
    if args.start is not None:
        task = _begun(task, args.start)
    training_script.run(task, args, "mofa", ", dlib's landmarks")


def _begun(task: Task, file: Path) -> Task:
    """The task that goes on from the parameters of a file."""
    params = fitting.mofa(file).params
    weights.check(params, task.params, str(file), "Give the --width that it has.")
    begun = {"start": training_script.digest(params)}
    return task._replace(params=params, identity=task.identity | begun)


def _arguments() -> Namespace:
    parser = training_script.parser(
        __doc__, steps=7500, batch=16, width=1.0, report_every=500
    )
    parser.add_argument("--model", type=Path, help="default: the installed face model")
    parser.add_argument("--start", type=Path, help="a mofa.safetensors to go on from")
    return parser.parse_args()


def mofa_task(
    module: MoFA, model: Morphable, data: Data, num_steps: int, batch_size: int
) -> Task:
    """What `experiments.trainer` runs.

    Args:
        module: the network.
        model: the decoder.
        data: to train on, and to evaluate with; empty sets are left out.
        num_steps: of the training.
        batch_size: samples in an update.
    """

    def apply(params: Any, image: jax.Array) -> Any:
        return module.apply({"params": params}, image)

    tools = Tools(
        judge(model, apply),
        partial(jax.jit(jax.vmap(views, (None, 0, 0))), model),
        {name: x for name, x in data.sets.items() if len(x.image_u8)},
    )
    return Task(
        training=training(mofa_objective(apply), adamw(num_steps, 1e-3)),
        params=training_script.beginning(module, module.size),
        given=MofaGiven(model, WEIGHTS),
        batches=partial(_following, data.trained_on, num_steps, batch_size),
        evaluate=partial(evaluate, tools),
        preview=partial(preview, tools),
        identity=training_script.identity(data.trained_on, batch_size, module.width)
        | {"model": _digest(model)},
    )


def _digest(model: Morphable) -> str:
    # Without what is not from its file but computed, and takes no part.
    parts = {name: x for name, x in vars(model).items() if name != "unit_amounts"}
    return training_script.digest(parts)


def _following(
    trained_on: samples.Samples, num_steps: int, batch_size: int, first_step: int
) -> Iterator[MofaBatch]:
    chosen = batches(trained_on, batch_size, first_step=first_step, mirror=True)
    for step, batch in enumerate(chosen, first_step):
        counts = appearance(step / num_steps)
        yield MofaBatch(*map(jnp.asarray, (batch.image_u8, batch.landmarks, counts)))


def evaluate(tools: Tools, params: Any) -> dict[str, float]:
    """`experiments.mofa_figures.figures` of each set, under `SET_FIGURE`."""
    return {
        f"{name}_{figure}": value
        for name, pictures_ in tools.sets.items()
        for figure, value in figures(tools.judge, params, pictures_).items()
    }


def preview(tools: Tools, params: Any, path: Path) -> None:
    """Draws the first pictures of each set, and below each the views of its face."""
    rows = []
    for image_u8, _ in tools.sets.values():
        chosen_u8 = image_u8[np.arange(_COLUMNS) % len(image_u8)]
        theta = estimate(tools.judge, params, chosen_u8)
        rows += drawn(tools.look, theta, chosen_u8)
    pictures.sheet(path, rows)


def appearance(progress: float) -> float:
    """How much colours count, from 0 to 1, at a share of the training."""
    return float(np.clip((progress - PLACED) / (PAINTED - PLACED), 0, 1))


def drawn(
    look: Any, theta: FaceParams, image_u8: np.ndarray, enlarged: int = _ENLARGED
) -> list[np.ndarray]:
    """Rows of a sheet: pictures `[n, H, H, 3]` uint8, enlarged, and their views."""
    large_u8 = image_u8.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    seen = look(theta, large_u8 / np.float32(255))
    levels = (np.rint(255 * np.asarray(seen[name])) for name in _VIEWS)
    return [large_u8, *(level.astype(np.uint8) for level in levels)]


if __name__ == "__main__":
    script.run(main)
