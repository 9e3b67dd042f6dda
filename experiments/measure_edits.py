r"""Measures edits of embedded portraits and of samples that no rig was trained on.

    python -m experiments.measure_edits --embedded embedded/* --samples samples

Poses are those of a grid over yaw and pitch; expressions and lights are other samples'.
Writes a JSON file beside what it prints. Needs opencv-python-headless, to judge poses.
"""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments import fitting, pnp, rig_data, sample_faces, samples, script
from experiments.generate_samples import find_landmarks
from experiments.generators import GENERATOR
from experiments.rig_data import Data, Setup
from pie_jax.core.numerics import norm
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, FaceParams, combine
from pie_jax.editing import edit
from pie_jax.editing.edit import Editor, Seen
from pie_jax.editing.leaks import landmark_leak, light_distance
from pie_jax.editing.sight import sight
from pie_jax.energy import crops
from pie_jax.graphics.camera import project
from pie_jax.io import atomic, codes, images
from pie_jax.losses.landmark import mean_distance
from pie_jax.photos import alignment, faces
from pie_jax.workflows.edit_record import landmarks

YAWS, PITCHES = (-30, -20, -10, 0, 10, 20, 30), (-15, 0, 15)
"""Degrees; every yaw with every pitch."""
WITHIN = 25.0
"""Degrees of yaw within which slopes are taken."""
JUDGES = ("mofa", "pnp", "pnp_own_head", "pnp_ideal")
"""Of the achieved yaw: MoFA, and PnP on dlib's landmarks with the mean head, or with the
head that MoFA sees in the portrait before the edit. `pnp_ideal` is what PnP with the mean
head makes of that own head, turned exactly as requested: heads deeper than the mean turn
further in its eyes, flatter ones less."""

Figures = dict[str, list[float]]


Subject = tuple[jax.Array, jax.Array | None]
"""A code `[1, num_ws, 512]`, and the photograph `[1, R, R, 3]` in [-1, 1] that edits are
compared with; None for a sample, which is its own photograph."""


class Bench(NamedTuple):
    """What measures."""

    setup: Setup
    editor: Editor
    params: Params
    others: Data
    """Whose expressions and lights are taken."""
    find: Callable[[np.ndarray], np.ndarray | None] = find_landmarks
    """`[R, R, 3]` uint8 to landmarks in fractions of the frame."""
    solve: Callable[..., np.ndarray] = pnp.solve


def main() -> None:
    """Measures, prints and writes."""
    parser = script.parser(
        __doc__,
        "samples",
        num=(100, "held-out samples"),
        poses=(4, "of the grid, for each"),
        rounds=(2, "of feedback"),
    )
    parser.add_argument("--embedded", type=Path, nargs="*", default=[], metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("edits.json"))
    args = parser.parse_args()
    pnp.require_opencv()
    setup = rig_data.new_setup()
    _, held_out = samples.load(args.samples, GENERATOR)
    kept = args.out.with_suffix(".npz")
    bench = new_bench(setup, rig_data.seen(setup, held_out, kept))
    edited = {
        "portraits": _embedded(setup, args.embedded),
        "samples": _held_out(bench, args.num),
    }
    report = {
        name: summary(measure(bench, x, args.poses, args.rounds))
        for name, x in edited.items()
        if x
    }
    with atomic.replacing(args.out) as file:
        file.write(json.dumps(report, indent=1).encode())
    print(json.dumps(report, indent=1))


def new_bench(setup: Setup, others: Data) -> Bench:
    """The installed rigs with everything compiled."""
    rigs = fitting.rigs(*COMPONENTS)
    see = jax.jit(sight(setup.estimate, setup.find_landmarks))
    editor = Editor(
        jax.jit(setup.generator.synthesis),
        see,
        {k: rig for k, (rig, _) in rigs.items()},
    )
    params = dataclasses.replace(
        setup.params, rigs={k: x for k, (_, x) in rigs.items()}
    )
    setup = setup._replace(estimate=jax.jit(setup.estimate))
    return Bench(setup, editor, params, others)


def _embedded(setup: Setup, folders: Sequence[Path]) -> list[Subject]:
    return [
        (
            jnp.asarray(codes.load_w_plus(folder, setup.generator.num_ws, GENERATOR)),
            jnp.asarray(images.from_u8(images.read(folder / "aligned.png")))[None],
        )
        for folder in folders
    ]


def _held_out(bench: Bench, num: int) -> list[Subject]:
    chosen = samples.w_plus(bench.others.samples.take(slice(num)), bench.others.num_ws)
    return [(jnp.asarray(x)[None], None) for x in chosen]


def measure(
    bench: Bench, portraits: Sequence[Subject], poses: int, most_rounds: int
) -> Figures:
    """Edits all portraits.

    Args:
        bench: what measures.
        portraits: what is edited.
        poses: how many of the grid, for each.
        most_rounds: of feedback, beside none.

    Returns:
        Figures of single edits by name; see `_pose`, `_expression` and `_light`.
        `turned` are rows of requested yaw, and of achieved yaw by the judges, degrees.
    """
    figures: Figures = defaultdict(list)
    for i, (w_plus, photo) in enumerate(tqdm(portraits, unit="portrait")):
        before = edit.look(bench.editor, bench.params, w_plus)
        photo = before.image if photo is None else photo
        for rounds in (0, most_rounds):
            suffix = f"_feedback{rounds}" if rounds else ""
            rng = np.random.default_rng(i)  # the same edits with and without feedback
            for name, value in _edits(Trial(bench, before, photo, rounds), rng, poses):
                figures[name + suffix].append(value)
    return dict(figures)


class Trial(NamedTuple):
    """A portrait that is edited, with so many rounds of feedback."""

    bench: Bench
    before: Seen
    photo: jax.Array
    rounds: int

    def attempt(self, component: str, target: FaceParams) -> Seen:
        """Edits one component."""
        editor, params = self.bench.editor, self.bench.params
        groups = ((component,),)
        return edit.edit(editor, params, self.before, target, groups, self.rounds)


def _edits(
    trial: Trial, rng: np.random.Generator, poses: int
) -> Iterator[tuple[str, Any]]:
    grid = [(yaw, pitch) for yaw in YAWS for pitch in PITCHES]
    points = trial.bench.find(_u8(trial.photo))
    matrix = None if points is None else _chip_matrix(trial.photo, points)
    for index in rng.permutation(len(grid))[:poses]:
        yield from _pose(trial, matrix, grid[index])
    others = trial.bench.others.faces.theta
    for other in rng.integers(len(others), size=2):
        theta = sample_faces.to_jax(others[other : other + 1])
        yield from _expression(trial, theta)
        yield from _light(trial, theta)


def _pose(
    trial: Trial, matrix: np.ndarray | None, degrees: tuple[float, float]
) -> Iterator[tuple[str, Any]]:
    """`angle`, the editing error in radians as MoFA alone sees it (the paper's), and
    `angle_seen`, as the editor does; `person`, the distance of descriptors to the
    photograph, and `recognition`, its square, the paper's error; `pose_leak`, see
    `editing.leaks.landmark_leak`; `turned`; `faces`, 1 where dlib finds one."""
    bench, before = trial.bench, trial.before
    target = _turned(before.theta, degrees)
    after = trial.attempt("rotation", target)
    model = bench.setup.model
    yield "pose_leak", float(landmark_leak(model, before.theta, after.theta)[0])
    image = _levelled(bench, after, target)
    alone = [_by_mofa(bench, x) for x in (before.image, image)]
    goal = _turned(alone[0], degrees)
    yield "angle", float(edit.error(alone[1], goal, "rotation")[0])
    seen_there = bench.editor.sight(bench.params, image)
    yield "angle_seen", float(edit.error(seen_there, target, "rotation")[0])
    found = bench.find(_u8(image))
    yield "faces", float(found is not None)
    if found is None:
        return
    ideal = np.asarray(landmarks(model, target)[0])
    asks = (found, None), (found, before.theta), (ideal, None)
    solved = [bench.solve(model, points[None], head)[0, 1] for points, head in asks]
    seen = [float(x) for x in (alone[1].rotation[0, 1], *solved)]
    yield "turned", [degrees[0], *np.rad2deg(seen)]
    if matrix is not None:
        distance = _person(bench, trial.photo, matrix, image, found)
        yield "person", distance
        yield "recognition", distance**2


def _turned(theta: FaceParams, degrees: tuple[float, float]) -> FaceParams:
    """With another yaw and pitch."""
    yaw, pitch = np.deg2rad(degrees)
    rotation = theta.rotation.at[:, :2].set(jnp.asarray([pitch, yaw]))
    return dataclasses.replace(theta, rotation=rotation)


def _levelled(bench: Bench, after: Seen, target: FaceParams) -> jax.Array:
    """Its picture, turned about the head to the target's roll, as `pie edit` does."""
    turn = float(target.rotation[0, 2] - after.theta.rotation[0, 2])
    if not turn:
        return after.image
    size = after.image.shape[1]
    where = project(after.theta.translation, bench.setup.model.camera, size)[0] - 0.5
    quad = alignment.moved_quad(size, np.asarray(where), np.asarray(where), turn)
    picture_u8 = alignment.cut(_u8(after.image), quad, size, fade=False)
    return jnp.asarray(images.from_u8(picture_u8))[None]


def _by_mofa(bench: Bench, image: jax.Array) -> FaceParams:
    return bench.setup.estimate(bench.params.mofa, image)


def _expression(trial: Trial, theta: FaceParams) -> Iterator[tuple[str, float]]:
    """`expression`, the 66 landmarks' distance to the target's rendering in distances
    of the eyes; `expression_asked`, the same without an edit."""
    before, model = trial.before, trial.bench.setup.model
    after = trial.attempt("expression", combine(before.theta, theta, "expression"))
    for name, seen in (("expression", after), ("expression_asked", before)):
        aim = combine(seen.theta, theta, "expression")
        points = [landmarks(model, x) for x in (seen.theta, aim)]
        yield name, float(mean_distance(*points)[0])


def _light(trial: Trial, theta: FaceParams) -> Iterator[tuple[str, float]]:
    """`light`, the scale-invariant distance of illumination; `light_asked`, the same
    without an edit."""
    before = trial.before
    after = trial.attempt("illumination", combine(before.theta, theta, "illumination"))
    for name, seen in (("light", after), ("light_asked", before)):
        distance = light_distance(theta.illumination, seen.theta.illumination)
        yield name, float(distance[0])


def summary(figures: Figures) -> dict[str, float]:
    """Means; of `turned` the slope of achieved against requested yaw by each of
    `JUDGES` within `WITHIN` degrees, and their correlation by PnP."""
    found = {}
    for name, values in figures.items():
        if not name.startswith("turned"):
            found[name] = float(np.mean(values))
            continue
        asked, *yaws = np.transpose(values)
        judged = dict(zip(JUDGES, yaws, strict=True))
        near = np.abs(asked) <= WITHIN
        for judge, yaw in judged.items():
            slope = np.polyfit(asked[near], yaw[near], 1)[0]
            found[f"{name}_slope_{judge}"] = float(slope)
        found[f"{name}_correlation"] = float(np.corrcoef(asked, judged["pnp"])[0, 1])
    return found


def _person(
    bench: Bench,
    photo: jax.Array,
    matrix: np.ndarray,
    image: jax.Array,
    points: np.ndarray,
) -> float:
    """The distance of the descriptors, each face where it is."""
    places = matrix, _chip_matrix(image, points)
    recognition = bench.setup.recognition
    first, second = (
        _describe(recognition, bench.params.recognition, x, jnp.asarray(m))
        for x, m in zip((photo, image), places, strict=True)
    )
    return float(norm(first - second))


@partial(jax.jit, static_argnums=0)
def _describe(
    recognition: Callable, params: Any, image: jax.Array, matrix: jax.Array
) -> jax.Array:
    return recognition(params, crops.dlib_chip(image[0], matrix)[None])[0]


def _chip_matrix(image: jax.Array, points: np.ndarray) -> np.ndarray:
    return faces.chip_matrix(image.shape[1] * points - 0.5)


def _u8(image: jax.Array) -> np.ndarray:
    return images.to_u8(np.asarray(image[0]))


if __name__ == "__main__":
    script.run(main)
