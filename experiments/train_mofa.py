r"""Trains MoFA on generator samples, without labels but dlib's landmarks.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_mofa --samples samples --out mofa \
        --portraits photos/*.jpg

May be killed at any moment and started again. At the end the folder holds
`mofa.safetensors`, ready for `pie_jax/assets/`. Previews show, from above, pictures,
the face over them, geometry, albedo and shading. Needs opencv-python-headless, to judge
the pose.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from flax import traverse_util
from pie_jax.converters import stack

from experiments import pictures, real_portraits, samples
from experiments.batches import batches
from experiments.export import export
from experiments.generate_samples import GENERATOR
from experiments.mofa_figures import Pictures, estimate, figures, judge
from experiments.trainer import Task, train
from pie_jax.cli import huge_pages, shipped
from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.face.views import views
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


def main() -> None:
    """Trains, evaluates, and writes the network."""
    args = _arguments()
    huge_pages.restart()
    trained_on, held_out = samples.load(args.samples, GENERATOR, SIZE)
    if args.portraits:
        stack.ensure("landmarks68")
    real = real_portraits.load(args.portraits, SIZE)
    data = Data(
        trained_on,
        {
            "held_out": Pictures(held_out.image_u8, held_out.landmarks),
            "real": Pictures(real.image_u8, real.landmarks),
        },
    )
    module, model = MoFA(args.width), load_model(args.model)
    task = mofa_task(module, model, data, args.steps, args.batch)
    if args.start is not None:
        task = task._replace(params=load_parameters(args.start))
    params = train(task, args.out, args.steps, args.report_every)
    measured = {name: f"{value:.5f}" for name, value in task.evaluate(params).items()}
    about = {"data": f"{len(trained_on.seed)} samples of {GENERATOR}, dlib's landmarks"}
    export(args.out / "mofa.safetensors", params, about | measured)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=Path, required=True, help="their folder")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--portraits", type=Path, nargs="*", default=[])
    parser.add_argument("--model", type=Path, help="default: the installed face model")
    parser.add_argument("--start", type=Path, help="a mofa.safetensors to go on from")
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--report-every", type=int, default=500)
    return parser.parse_args()


def load_model(path: Path | None) -> Morphable:
    """The face model of a file; the installed one without it."""
    if path is None:
        return shipped.face_model()
    return morphable.from_arrays(safetensors.numpy.load_file(path))


def load_parameters(path: Path) -> Any:
    """MoFA's parameters of a file that this script has written."""
    arrays = safetensors.numpy.load_file(path)
    flat = {name: jnp.asarray(x, jnp.float32) for name, x in arrays.items()}
    return traverse_util.unflatten_dict(flat, sep="/")


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

    judged = judge(model, apply)
    sets = {name: x for name, x in data.sets.items() if len(x.image_u8)}
    look = partial(jax.jit(jax.vmap(views, (None, 0, 0))), model)

    def evaluate(params: Any) -> dict[str, float]:
        return {
            f"{name}_{figure}": value
            for name, pictures_ in sets.items()
            for figure, value in figures(judged, params, pictures_).items()
        }

    def preview(params: Any, path: Path) -> None:
        rows = []
        for image_u8, _ in sets.values():
            chosen_u8 = image_u8[np.arange(_COLUMNS) % len(image_u8)]
            theta = estimate(judged, params, chosen_u8)
            rows += drawn(look, theta, chosen_u8)
        pictures.sheet(path, rows)

    def following(first_step: int) -> Iterator[MofaBatch]:
        chosen = batches(
            data.trained_on, batch_size, first_step=first_step, mirror=True
        )
        for step, batch in enumerate(chosen, first_step):
            counts = appearance(step / num_steps)
            yield MofaBatch(
                *map(jnp.asarray, (batch.image_u8, batch.landmarks, counts))
            )

    blank = jnp.zeros((1, module.size, module.size, 3))
    # Drawing all kernels by JAX's default generator takes XLA 20 seconds to compile.
    key = jax.random.key(0, impl="rbg")
    return Task(
        training=training(mofa_objective(apply), adamw(num_steps, 1e-3)),
        params=jax.jit(module.init)(key, blank)["params"],
        given=MofaGiven(model, WEIGHTS),
        batches=following,
        evaluate=evaluate,
        preview=preview,
    )


def appearance(progress: float) -> float:
    """How much colours count, from 0 to 1, at a share of the training."""
    return float(np.clip((progress - PLACED) / (PAINTED - PLACED), 0, 1))


def drawn(look: Any, theta: FaceParams, image_u8: np.ndarray) -> list[np.ndarray]:
    """Rows of a sheet: pictures `[n, H, H, 3]` uint8, enlarged, and their views."""
    large_u8 = image_u8.repeat(_ENLARGED, axis=1).repeat(_ENLARGED, axis=2)
    seen = look(theta, large_u8 / np.float32(255))
    levels = (np.rint(255 * np.asarray(seen[name])) for name in _VIEWS)
    return [large_u8, *(level.astype(np.uint8) for level in levels)]


if __name__ == "__main__":
    main()
