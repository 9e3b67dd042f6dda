r"""Trains MoFA on generator samples; dlib's landmarks and descriptors are the labels.

The recognition network, which MoFA ends up with, is not trained.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_mofa --samples samples --out mofa \
        --portraits photos/*.jpg

Once there are rigs, `--edits` (experiments.generate_edits) keep it from taking for a
turn of the head what rigs change besides. May be killed at any moment and started again.
At the end the folder holds `mofa.safetensors`, ready for `pie_jax/assets/`. Previews
show, from above, pictures, the face over them, geometry, albedo and shading. Needs
opencv-python-headless, to judge the pose.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import fitting, pictures, pnp, samples, script, training_script
from experiments.batches import batches
from experiments.generators import GENERATOR
from experiments.mofa_figures import Judge, estimate, figures_of_sets, judge
from experiments.picture_sets import Pictures, picture_sets
from experiments.sample_faces import measured
from experiments.trainer import Task
from pie_jax.core.images import from_255
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.views import views
from pie_jax.io import arrays
from pie_jax.networks.dlib_resnet import DlibResNet
from pie_jax.networks.mofa import (
    CHIP_DOWN,
    CHIP_WIDTH,
    DESCRIPTOR_SIZE,
    RECOGNITION,
    SIZE,
    MoFA,
    chip,
)
from pie_jax.stack import cache, fetch
from pie_jax.training.mofa_step import WEIGHTS, MofaBatch, MofaGiven, mofa_objective
from pie_jax.training.update import adamw, training

PLACED, PAINTED = 0.04, 0.08
"""Shares of the training after which colours begin to count, and count wholly."""

PAIRED = 0.25
"""Share of edits in a batch, and of the samples that they are edits of."""

_VIEWS = ("overlay", "geometry", "albedo", "shading")
_COLUMNS = 8
_ENLARGED = 2


class Described(NamedTuple):
    """Samples, and the descriptors `[S, D]` of who is seen."""

    samples: samples.Samples
    descriptor: np.ndarray


class Data(NamedTuple):
    """What is learnt from, and pictures by name; at the network's size."""

    trained_on: Described
    edits: Described | None
    """The one of seed s is an edit of the sample s of those."""
    sets: dict[str, Pictures]


def main() -> None:
    """Trains, evaluates, and writes the network."""
    parser = training_script.parser(
        __doc__,
        *("portraits", "model", "edits"),
        steps=7500,
        batch=16,
        report_every=500,
    )
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--start", type=Path, help="a mofa.safetensors to go on from")
    args = parser.parse_args()
    pnp.require_opencv()
    fetch.ensure("dlib_resnet")
    recognition = jax.tree.map(jnp.asarray, cache.load("dlib_resnet"))
    args.out.mkdir(parents=True, exist_ok=True)
    trained_on, held_out = samples.load(args.samples, GENERATOR)
    edits = None
    if args.edits is not None:
        edited, _ = samples.load(args.edits, GENERATOR, held_out=0)
        edits = described(recognition, edited, args.out / "edits.npz")
    sets = picture_sets(held_out, args.portraits, SIZE)
    module, model = MoFA(args.width), fitting.face_model(args.model)
    known = described(recognition, trained_on, args.out / "samples.npz")
    data = Data(known, edits, sets)
    task = mofa_task(module, recognition, model, data, args.steps, args.batch)
    if args.start is not None:
        task = _begun(task, args.start)
    training_script.run(task, args, "mofa")


def _begun(task: Task, file: Path) -> Task:
    """The task that goes on from the parameters of a file."""
    params = dict(fitting.mofa(file).params)
    del params[RECOGNITION]
    arrays.check(params, task.params, str(file), "Give the --width that it has.")
    begun = {"start": training_script.digest(params)}
    return task._replace(params=params, identity=task.identity | begun)


def described(recognition: Any, chosen: samples.Samples, kept: Path) -> Described:
    """Samples at the network's size, with descriptors, which `kept` (.npz) keeps."""

    @jax.jit
    def describe(params: Any, image_u8: jax.Array) -> tuple[Any]:
        return (DlibResNet().apply({"params": params}, chip(from_255(image_u8))),)

    small = chosen._replace(image_u8=samples.shrink(chosen.image_u8, SIZE))
    part = np.array([SIZE, CHIP_WIDTH, CHIP_DOWN])
    identity = training_script.digest([recognition, chosen.seed, part])
    (found,) = measured(
        lambda image_u8, _: describe(recognition, image_u8), small, kept, identity
    )
    return Described(small, found)


def mofa_task(
    module: MoFA,
    recognition: Any,
    model: Morphable,
    data: Data,
    num_steps: int,
    batch_size: int,
) -> Task:
    """What `experiments.trainer` runs; `recognition` are the parameters of the recognition
    network in the module, and the model is the decoder."""

    def apply(params: Any, image: jax.Array, *descriptor: jax.Array) -> Any:
        return module.apply({"params": params}, image, *descriptor)

    def whole(params: Any) -> Any:
        return params | {RECOGNITION: recognition}

    judged = judge(model, apply)
    num_edits = 0 if data.edits is None else len(data.edits.descriptor)
    side = module.size
    blank = jnp.zeros((1, side, side, 3)), jnp.zeros((1, DESCRIPTOR_SIZE))
    return Task(
        training=training(mofa_objective(apply), adamw(num_steps, 1e-3)),
        params=training_script.beginning(module, *blank),
        given=MofaGiven(model, WEIGHTS),
        batches=partial(_following, data, num_steps, batch_size),
        evaluate=lambda params: figures_of_sets(judged, whole(params), data.sets),
        preview=lambda params, path: preview(judged, whole(params), data.sets, path),
        identity={"model": _digest(model), "edits": num_edits}
        | training_script.identity(data.trained_on.samples, batch_size, module.width),
    )


def _digest(model: Morphable) -> str:
    # Without what is not from its file but computed, and takes no part.
    parts = {name: x for name, x in vars(model).items() if name != "unit_amounts"}
    return training_script.digest(parts)


def _following(
    data: Data, num_steps: int, batch_size: int, first_step: int
) -> Iterator[MofaBatch]:
    parts = _parts(data, batch_size, first_step)
    for step, chosen in enumerate(parts, first_step):
        labelled = (
            [x.samples.image_u8, x.samples.landmarks, x.descriptor] for x in chosen
        )
        joined = map(np.concatenate, zip(*labelled, strict=True))
        counts = appearance(step / num_steps)
        yield MofaBatch(*map(jnp.asarray, (*joined, counts)))


def _parts(
    data: Data, batch_size: int, first_step: int
) -> Iterator[tuple[Described, ...]]:
    """What makes up a batch: samples; edits and the samples that they are edits of."""
    if data.edits is None:
        yield from zip(_shuffled(data.trained_on, batch_size, first_step), strict=True)
        return
    few = int(PAIRED * batch_size)
    others = _shuffled(data.trained_on, batch_size - 2 * few, first_step)
    edits = _shuffled(data.edits, few, first_step)
    for other, edit in zip(others, edits, strict=False):
        before = edit.samples.seed % len(data.trained_on.descriptor)
        own = data.trained_on.samples.take(before)
        yield other, edit, Described(own, data.trained_on.descriptor[before])


def _shuffled(
    source: Described, batch_size: int, first_step: int
) -> Iterator[Described]:
    for chosen in batches(source.samples, batch_size, first_step):
        index = np.searchsorted(source.samples.seed, chosen.seed)
        yield Described(chosen, source.descriptor[index])


def preview(judged: Judge, params: Any, sets: dict[str, Pictures], path: Path) -> None:
    """Draws the first pictures of each set, and below each the views of its face."""
    rows = []
    for image_u8, _ in sets.values():
        chosen_u8 = image_u8[np.arange(_COLUMNS) % len(image_u8)]
        theta = estimate(judged, params, chosen_u8)
        rows += drawn(judged.model, theta, chosen_u8)
    pictures.sheet(path, rows)


def appearance(progress: float) -> float:
    """How much colours count, from 0 to 1, at a share of the training."""
    return float(np.clip((progress - PLACED) / (PAINTED - PLACED), 0, 1))


def drawn(
    model: Morphable, theta: FaceParams, image_u8: np.ndarray, enlarged: int = _ENLARGED
) -> list[np.ndarray]:
    """Rows of a sheet: pictures `[n, H, H, 3]` uint8, enlarged, and their views."""
    large_u8 = image_u8.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    seen = _look(model, theta, large_u8 / np.float32(255))
    levels = (np.rint(255 * np.asarray(seen[name])) for name in _VIEWS)
    return [large_u8, *(level.astype(np.uint8) for level in levels)]


_look = jax.jit(jax.vmap(views, (None, 0, 0)))


if __name__ == "__main__":
    script.run(main)
