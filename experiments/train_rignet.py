r"""Finds a rig on generator samples: the best linear one, then trained further.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.train_rignet rotation --samples samples --out rig_rotation

Begins with the closed form of `experiments.rig_start`, for which a regression from
codes to theta stands for generator and MoFA (a minute, and two for looking at the
samples), or, by `--begin`, with a rig of an earlier training, or the mean of several,
their answers `--scale` times as long (and that is it, without steps). For codes of
another generator, name it as for `generate_samples`, as in `--config stylegan2
--config.files.generator=stylegan2.safetensors`; it takes as long.
`--steps` go on with the generator, by its small pictures if it has such, and all that looks
at them in the loop: a second for four samples on two cores. May be killed at any moment and
started again. At the end the folder holds `rig_<component>.safetensors`, ready for
`pie_jax/assets/`. `--edits` (experiments.generate_edits), with other rigs, say what
edits change besides.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments import (
    generators,
    pictures,
    ridge_regression,
    rig_data,
    rig_edits,
    rig_start,
    sample_faces,
    samples,
    script,
    training_script,
)
from experiments.export import export, rounded
from experiments.face_difference import difference, wanted
from experiments.landmark_error import landmark_error
from experiments.parts import in_parts
from experiments.ridge_regression import Regression
from experiments.rig_data import Data
from experiments.trainer import Task, train
from pie_jax.core import rotations
from pie_jax.core.errors import PieError
from pie_jax.core.images import reduce_area
from pie_jax.core.interfaces import Rig
from pie_jax.core.numerics import norm
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams
from pie_jax.editing import refine
from pie_jax.editing.sight import sight
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.io import images
from pie_jax.networks import latents, rignet
from pie_jax.networks.landmark_net import both_ways
from pie_jax.networks.rignet import RigNet
from pie_jax.stack import converted, networks
from pie_jax.stack.assembly import Stack
from pie_jax.training import rignet_step
from pie_jax.training.rignet_step import (
    Heads,
    RigBatch,
    RigGiven,
    changed,
    rig_objective,
)
from pie_jax.training.update import adamw, training
from pie_jax.workflows import refining
from pie_jax.workflows.edit_record import landmarks

STEP_SIZE = 1e-4
"""The layers have 512 inputs in 23 rows, which steps move together: at 4e-4 rigs fly
off within 200 updates."""
QUANTILES = (0.01, 0.99)
"""Of the component over the samples: the range of a rig."""

_EVALUATED = 24
_COLUMNS = 8
_SHOWN = 256


def main() -> None:
    """Finds, trains, evaluates, and writes the rig."""
    parser = training_script.parser(
        __doc__, "edits", steps=0, batch=2, report_every=100
    )
    parser.add_argument("component", choices=COMPONENTS)
    parser.add_argument(
        "--begin", type=Path, nargs="+", metavar="RIG", help="rigs to go on from"
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="answers of --begin so many times as long",
    )
    args, config = generators.parse(parser)
    if args.begin is not None and args.edits is not None:
        parser.error("--edits are for a closed form, and --begin needs none")
    if args.begin is None and args.scale != 1:
        parser.error("--scale is for rigs that --begin names")
    if not 0 < args.scale < 10:
        parser.error(f"--scale {args.scale} is not a factor between 0 and 10")
    args.out.mkdir(parents=True, exist_ok=True)
    setup = rig_data.new_setup(config=config)
    generator = generators.identity(config)
    name = networks.rig_name(config.generator, args.component)
    moments = setup.params.latents
    begun = args.begin and earlier_rig(args.begin, name, moments, args.scale)
    trained_on, held_out = (
        rig_data.seen(setup, x, args.out / f"faces-{len(x.seed)}.npz")
        for x in samples.load(args.samples, generator)
    )
    learnt_from = [trained_on]
    if args.edits is not None:
        edits, _ = samples.load(args.edits, generator, held_out=0)
        learnt_from.append(rig_data.seen(setup, edits, args.out / "faces-of-edits.npz"))
    module = width_for(args.component, args.steps)
    spread, network = begun or linear_rig(
        setup.params.face_model, learnt_from, args.component, module
    )
    task = rig_task(setup, trained_on, held_out, spread, network, args)
    params, figures = _trained(task, args)
    shipped_params = {"network": rignet.unwhitened(params, moments), **spread}
    data = f"{len(trained_on.samples.seed)} samples of {generator}"
    header = {converted.KIND: name, "data": data, "scale": args.scale} | figures
    export(args.out / f"{name}.safetensors", shipped_params, header)


def _trained(task: Task, args: Namespace) -> tuple[Any, dict[str, float | None]]:
    """The network's parameters and figures; as it begins, if there is no step."""
    if args.steps:
        return train(task, args.out, args.steps, args.report_every)
    params = rounded(task.params)
    figures = task.evaluate(params)
    print(", ".join(f"{k} {value:.4g}" for k, value in figures.items()))
    task.preview(params, args.out / "preview-000000.png")
    return task.params, {**figures}


def width_for(component: str, num_steps: int) -> RigNet:
    """The network: without training as narrow as a linear rig can be."""
    if num_steps:
        return RigNet()
    return RigNet(min(SIZES[component], rignet.FEATURES), hidden=1)


def linear_rig(
    model: Morphable, data: Sequence[Data], component: str, module: RigNet
) -> tuple[dict[str, np.ndarray], Any]:
    """The closed form, learnt from data of one generator: what a rig's parameters
    (`core.interfaces.Rig`) hold besides its network, and RigNet's in principal
    coordinates."""
    place = rig_start.slices()[component]
    codes = np.concatenate([one.codes(slice(None)) for one in data])
    seen = _seen(data, component)
    regression = ridge_regression.fit(codes, seen)
    low, high = np.quantile(seen[:, place], QUANTILES, axis=0)
    if component == "rotation" and module.hidden > 1:  # trained further: as far as that
        turned = np.radians(rig_edits.TURNED)
        low, high = np.minimum(low, -turned), np.maximum(high, turned)
    named = _asked_by_name(model, component)
    if len(named):
        regression = _spread_out(regression, place, named)
        low, high = low + named.min(axis=0), high + named.max(axis=0)
    spread = {
        "mean": regression.mean[place],
        "deviation": regression.deviation[place],
        "low": low,
        "high": high,
    }
    spread = {k: x.astype(np.float32) for k, x in spread.items()}
    offsets = _offsets(model, regression, component)
    blank = jnp.zeros((1, data[0].num_ws, 512)), jnp.zeros((1, len(low)))
    network = training_script.beginning(module, *blank)
    return spread, rig_start.begin(network, regression, offsets, component)


def _seen(data: Sequence[Data], component: str) -> np.ndarray:
    """What the regression learns: theta, a descriptor, and of expressions landmarks."""
    seen = np.concatenate([np.concatenate(one.faces, axis=1) for one in data])
    if component != "expression":
        return seen
    points = np.concatenate([one.samples.landmarks for one in data])
    return np.concatenate([seen, rig_start.seen_landmarks(points)], axis=1)


def _asked_by_name(model: Morphable, component: str) -> np.ndarray:
    """What people add to a component by name, `[N, n]`; N may be 0."""
    named = component == "expression" and morphable.names(model)
    return np.asarray(model.unit_codes) if named else np.zeros((0, SIZES[component]))


def _spread_out(regression: Regression, place: slice, named: np.ndarray) -> Regression:
    """With deviations of what is asked for by name: there samples' expressions hardly
    vary as MoFA sees them, and a network would be shown hundreds of deviations."""
    deviation = regression.deviation.copy()
    deviation[place] = np.hypot(deviation[place], np.sqrt(np.mean(named**2, 0)))
    return ridge_regression.rescaled(regression, deviation)


def _offsets(model: Morphable, regression: Regression, component: str) -> np.ndarray:
    """`rig_start.directions` about the mean face."""
    theta = regression.mean[: sum(SIZES.values())]
    change = rig_start.visible_change(model, theta)
    moved = None
    if component == "expression":
        moved = rig_start.landmark_change(model, theta, component)
    return rig_start.directions(regression, change, component, moved)


def earlier_rig(
    files: Sequence[Path], name: str, moments: dict[str, Array], scale: float = 1.0
) -> tuple[dict[str, Any], Any]:
    """The same as `linear_rig`'s of a rig that was trained before; of several, the mean
    of their weights (Wortsman et al., "Model soups", ICML 2022).

    Args:
        files: `main`'s, or of `pie_jax/assets/`.
        name: of the rig (`networks.rig_name`).
        moments: of the codes.
        scale: by what its answers are multiplied: a training that shies at what it
            cannot show goes less than all of the way.

    Raises:
        PieError: one cannot be read, or is another rig's; or one is too narrow to be more
            than linear; or they do not fit together.
    """
    each = []
    for file in files:
        each.append(jax.tree.map(np.float32, converted.load(file, name)))
        if rignet.widths(each[-1])[1] == 1:
            raise PieError(
                f"{file} is a linear rig; leave --begin out to begin with one"
            )
        if jax.tree.map(np.shape, each[-1]) != jax.tree.map(np.shape, each[0]):
            raise PieError(f"{file} has another size than {files[0]}; name one alone")
    found = jax.tree.map(lambda *x: np.mean(x, axis=0), *each)
    network = jax.tree.map(jnp.asarray, found.pop("network"))
    network["decoder"] = jax.tree.map(lambda x: scale * x, network["decoder"])
    return found, rignet.whitened(network, moments)


def rig_task(
    setup: Stack,
    trained_on: Data,
    held_out: Data,
    spread: dict[str, np.ndarray],
    network: Any,
    args: Namespace,
) -> Task:
    """What `experiments.trainer` runs, of `args.component`, `args.steps` and `args.batch`;
    `spread` and `network`, where it begins, are from `linear_rig`."""
    component = args.component
    # Codes are in standard deviations here, and so is the network.
    rig = rignet.rig(component, *rignet.widths({"network": network}))

    looks = refining.looks(setup.functions)
    see = sight(looks.estimate, looks.find_landmarks)
    given = RigGiven(setup.params, jax.tree.map(jnp.asarray, spread))
    judge = jax.jit(partial(_judge, setup, rig))
    model, generator = setup.params.face_model, setup.functions.generator
    batch = judged_ones(held_out, model, component, generator.resolution)
    start = training_script.digest(network)
    seed = int(start[:8], 16)  # one that goes on from another sees other edits
    noticed = rignet_step.noticed(component)

    def judged(params: Any, rows: Judged) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return in_parts(partial(judge, params, given), rows, size=1)

    return Task(
        training=training(
            rig_objective(rig, looks, see, heads(setup)),
            adamw(max(args.steps, 1), STEP_SIZE),
            memory=0.99,
        ),
        params=network,
        given=given,
        batches=partial(
            rig_edits.following, trained_on, model, component, args.batch, seed
        ),
        evaluate=partial(_evaluate, judged, batch),
        preview=partial(_preview, judged, batch),
        identity=training_script.identity(trained_on.samples, args.batch, 1.0)
        | {
            "component": component,
            "start": start,
            **{f"{name} noticed": x for name, x in noticed.items()},
        },
    )


class Judged(NamedTuple):
    """Edits of samples, and where the faces are, `chip_matrix` `[B, 2, 3]`."""

    edits: RigBatch
    chip_matrix: jax.Array


def judged_ones(
    data: Data, model: Morphable, component: str, resolution: int
) -> Judged:
    """Those that a rig is evaluated by, always the same."""
    edits, chosen = rig_edits.chosen(data, model, component, _EVALUATED, 0, 0)
    few = data.samples.take(chosen)
    return Judged(edits, jnp.asarray(sample_faces.chip_matrices(few, resolution)))


def heads(setup: Stack) -> Heads:
    """Where the head is; of generators whose features nobody knows, everywhere."""
    features, silhouette = (
        setup.functions.generator.features,
        setup.functions.silhouette,
    )
    size = min(refine.ASIDE_SIZE, setup.functions.generator.resolution)
    if features is None or silhouette is None:
        return lambda params, w_plus: jnp.ones((len(w_plus), size, size))

    def shares(params: Params, w_plus: jax.Array) -> jax.Array:
        seen = features(params.generator, w_plus)
        return jax.nn.sigmoid(silhouette(params.silhouette, seen))

    return shares


def _observe(
    setup: Stack, params: Any, code: jax.Array, chip_matrix: jax.Array
) -> tuple[FaceParams, jax.Array, jax.Array]:
    """Theta, a descriptor, and landmarks."""
    image = _synthesize(setup, params, code)
    find = setup.functions.find_landmarks
    points = both_ways(find, params.landmark_net, image)
    return *rig_data.look(setup, params, image, chip_matrix), points


def _judge(
    setup: Stack, rig: Rig, params: Any, given: RigGiven, one: Judged
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Edits a batch: figures `[B]`, and small pictures before and after `[B, 2]`. All is
    seen in the generator's own pictures, which no training looks at."""
    (edits, matrix), component = one, rig.component
    theta, person, points = _observe(setup, given.params, edits.code, matrix)
    target = changed(theta, edits.change, component)
    whole = {"network": params, **given.spread}
    edited = rig.edit(whole, edits.code, theta, target)
    found, descriptor, moved = _observe(setup, given.params, edited, matrix)
    model = given.params.face_model
    there, here = (wanted(theta, target, x, component) for x in (found, theta))
    left = difference(model, found, there)
    asked = difference(model, theta, here)
    own, to = landmarks(model, theta), landmarks(model, here)
    angle = rotations.angle(*(rotations.matrix(x.rotation) for x in (found, target)))
    figures = {
        "geometry": left[0],
        "geometry_asked": asked[0],
        "colour": left[1],
        "colour_asked": asked[1],
        "landmarks_left": landmark_error(points, moved, own, to),
        "landmarks_asked": landmark_error(own, own, own, to),
        "angle": angle,
        "person": norm(descriptor - person),
    }
    shown = [_synthesize(setup, given.params, x) for x in (edits.code, edited)]
    return figures, jnp.stack([reduce_area(x, _SHOWN) for x in shown], axis=1)


def _evaluate(judged: Callable, batch: Judged, params: Any) -> dict[str, float]:
    """Means over the batch: see `face_difference`; `asked` is what the
    edit asks for; `landmarks_left`, the distance of the landmark network's to where the edit
    takes them, wherever the face is, in distances of the eyes; `angle` between desired and
    achieved rotation in radians; `person`, the distance of descriptors."""
    figures, _ = judged(params, batch)
    return {k: float(x.mean()) for k, x in figures.items()}


def _preview(judged: Callable, batch: Judged, params: Any, path: Path) -> None:
    """The first samples, and below each its edit."""
    few = jax.tree.map(lambda x: x[:_COLUMNS], batch)
    _, shown = judged(params, few)
    pictures.sheet(path, list(images.to_u8(shown).swapaxes(0, 1)))


def _synthesize(setup: Stack, params: Any, code: jax.Array) -> jax.Array:
    w_plus = latents.unwhiten(params.latents, code)
    return setup.functions.generator.synthesis(params.generator, w_plus)


if __name__ == "__main__":
    script.run(main)
