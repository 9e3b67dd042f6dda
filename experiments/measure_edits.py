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
from experiments.rig_data import Data
from pie_jax.core.interfaces import Estimate
from pie_jax.core.numerics import norm
from pie_jax.core.theta import COMPONENTS, FaceParams, combine
from pie_jax.editing import edit, turns
from pie_jax.editing.edit import Seen
from pie_jax.editing.leaks import landmark_leak, light_distance
from pie_jax.editing.targets import Amount
from pie_jax.energy.term import needed
from pie_jax.face import crops
from pie_jax.io import atomic, codes, images
from pie_jax.losses.landmark import mean_distance
from pie_jax.networks import tuning
from pie_jax.photos import alignment, faces
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import assembly
from pie_jax.stack.assembly import Stack
from pie_jax.workflows.edit_record import landmarks
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options, shoot

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


class Subject(NamedTuple):
    """A code `[1, num_ws, 512]`, what its generator is changed by, and the photograph
    `[1, R, R, 3]` in [-1, 1] that edits are compared with. A sample has neither, and is
    its own photograph."""

    w_plus: jax.Array
    change: tuning.Part | None = None
    photo: jax.Array | None = None


class Bench(NamedTuple):
    """What measures."""

    stack: Stack
    others: Data
    """Whose expressions and lights are taken."""
    estimate: Estimate
    """MoFA, compiled."""
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
        refine=(0, "steps of refinement of poses after these rounds, if any"),
    )
    parser.add_argument("--embedded", type=Path, nargs="*", default=[], metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("edits.json"))
    args = parser.parse_args()
    pnp.require_opencv()
    stack = rig_data.new_setup(*COMPONENTS)
    _, held_out = samples.load(args.samples, GENERATOR)
    others = rig_data.seen(stack, held_out, args.out.with_suffix(".npz"))
    bench = Bench(stack, others, jax.jit(fitting.estimate(stack)))
    edited = {
        "portraits": [_embedded(folder, others.num_ws) for folder in args.embedded],
        "samples": _held_out(others, args.num),
    }
    report = {
        name: summary(measure(bench, x, args.poses, args.rounds, args.refine))
        for name, x in edited.items()
        if x
    }
    text = json.dumps(report, indent=1)
    with atomic.replacing(args.out) as file:
        file.write(text.encode())
    print(text)


def _embedded(folder: Path, num_ws: int) -> Subject:
    photo = images.from_u8(images.read(folder / "aligned.png"))
    found = codes.load_codes(folder, num_ws, GENERATOR)
    return Subject(jnp.asarray(found.w_plus), found.of(0), jnp.asarray(photo)[None])


def _held_out(others: Data, num: int) -> list[Subject]:
    chosen = samples.w_plus(others.samples.take(slice(num)), others.num_ws)
    return [Subject(jnp.asarray(x)[None]) for x in chosen]


def measure(
    bench: Bench,
    portraits: Sequence[Subject],
    poses: int,
    most_rounds: int,
    refine: int = 0,
) -> Figures:
    """Edits all portraits, without feedback and with these rounds of it; the poses of the
    latter are refined by so many steps.

    Returns:
        Figures of single edits by name; see `_pose`, `_expression` and `_light`.
        `turned` are rows of requested yaw, and of achieved yaw by the judges, degrees.
    """
    figures: Figures = defaultdict(list)
    for i, subject in enumerate(tqdm(portraits, unit="portrait")):
        editable = _editable(bench.stack, subject)
        for rounds in (0, most_rounds):
            suffix = f"_feedback{rounds}" if rounds else ""
            rng = np.random.default_rng(i)  # the same edits with and without feedback
            for name, value in _edits(
                Trial(bench, editable, rounds, rounds and refine), rng, poses
            ):
                figures[name + suffix].append(value)
    return dict(figures)


def _editable(stack: Stack, subject: Subject) -> Editable:
    """As `pie edit` has it, without the portrait's own rig, for edits that keep no
    background: all is the head's."""
    stack = assembly.tuned(stack, subject.change)
    editor = needed(stack.functions.editor, "mofa")
    before = edit.look(editor, stack.params, subject.w_plus)
    photo = before.image if subject.photo is None else subject.photo
    photo_u8, unused = _u8(photo), jnp.ones((1, 1))
    portrait = Portrait(photo_u8, alignment.whole(len(photo_u8)), None)
    return Editable(photo[0], portrait, before, stack, lambda *_: unused, unused)


class Trial(NamedTuple):
    """A portrait that is edited, with so many rounds of feedback."""

    bench: Bench
    editable: Editable
    rounds: int
    refine: int = 0

    def attempt(self, component: str, target: FaceParams) -> Seen:
        """Edits one component."""
        x, groups = self.editable, ((component,),)
        return edit.edit(x.editor, x.params, x.before, target, groups, self.rounds)


def _edits(
    trial: Trial, rng: np.random.Generator, poses: int
) -> Iterator[tuple[str, Any]]:
    grid = [(yaw, pitch) for yaw in YAWS for pitch in PITCHES]
    photo_u8 = trial.editable.portrait.aligned_u8
    points = trial.bench.find(photo_u8)
    person = None if points is None else _describe(trial.bench, photo_u8, points)
    for index in rng.permutation(len(grid))[:poses]:
        yield from _pose(trial, person, grid[index])
    others = trial.bench.others.faces.theta
    for other in rng.integers(len(others), size=2):
        theta = sample_faces.to_jax(others[other : other + 1])
        yield from _expression(trial, theta)
        yield from _light(trial, theta)


def _pose(
    trial: Trial, person: jax.Array | None, degrees: tuple[float, float]
) -> Iterator[tuple[str, Any]]:
    """`angle`, the editing error in radians as MoFA alone sees it (the paper's), and
    `angle_seen`, as the editor does; `person`, the distance of descriptors to the
    photograph, and `recognition`, its square, the paper's error; `pose_leak`, see
    `editing.leaks.landmark_leak`; `turned`; `faces`, 1 where dlib finds one."""
    bench, editable = trial.bench, trial.editable
    before, model = editable.before, editable.model
    target = _turned(before.theta, degrees)
    asked = Request(dict(zip(("yaw", "pitch"), map(Amount, degrees), strict=True)))
    options = Options(trial.rounds, keep_background=False, refine=trial.refine)
    shot = shoot(editable, asked, target, options)
    yield "pose_leak", float(landmark_leak(model, before.theta, shot.edited.theta)[0])
    image = jnp.asarray(images.from_u8(shot.picture_u8))[None]
    by_mofa = partial(bench.estimate, editable.params.mofa)
    goal, found = _turned(by_mofa(before.image), degrees), by_mofa(image)
    yield "angle", float(edit.error(found, goal, "rotation")[0])
    by_network = editable.editor.sight(editable.params, image)
    seen_there = turns.shown(before.theta, before.by_network, by_network)
    yield "angle_seen", float(edit.error(seen_there, target, "rotation")[0])
    points = bench.find(shot.picture_u8)
    yield "faces", float(points is not None)
    if points is None:
        return
    ideal = np.asarray(landmarks(model, target)[0])
    asks = (points, None), (points, before.theta), (ideal, None)
    solved = [bench.solve(model, x[None], head)[0, 1] for x, head in asks]
    seen = [float(x) for x in (found.rotation[0, 1], *solved)]
    yield "turned", [degrees[0], *np.rad2deg(seen)]
    if person is not None:
        distance = float(norm(person - _describe(bench, shot.picture_u8, points)))
        yield "person", distance
        yield "recognition", distance**2


def _turned(theta: FaceParams, degrees: tuple[float, float]) -> FaceParams:
    """With another yaw and pitch."""
    yaw, pitch = np.deg2rad(degrees)
    rotation = theta.rotation.at[:, :2].set(jnp.asarray([pitch, yaw]))
    return dataclasses.replace(theta, rotation=rotation)


def _describe(bench: Bench, picture_u8: np.ndarray, points: np.ndarray) -> jax.Array:
    """The descriptor `[D]` of the face that has these landmarks."""
    matrix = faces.chip_matrix(len(picture_u8) * points - 0.5)
    image = jnp.asarray(images.from_u8(picture_u8))
    describe = needed(bench.stack.functions.networks.recognition, "recognition")
    return _descriptor(describe, bench.stack.params.recognition, image, matrix)


@partial(jax.jit, static_argnums=0)
def _descriptor(
    recognition: Callable, params: Any, image: jax.Array, matrix: jax.Array
) -> jax.Array:
    return recognition(params, crops.dlib_chip(image, matrix)[None])[0]


def _u8(image: jax.Array) -> np.ndarray:
    return images.to_u8(np.asarray(image[0]))


def _expression(trial: Trial, theta: FaceParams) -> Iterator[tuple[str, float]]:
    """`expression`, the 66 landmarks' distance to the target's rendering in distances
    of the eyes; `expression_asked`, the same without an edit."""
    before, model = trial.editable.before, trial.editable.model
    after = trial.attempt("expression", combine(before.theta, theta, "expression"))
    for name, seen in (("expression", after), ("expression_asked", before)):
        aim = combine(seen.theta, theta, "expression")
        points = [landmarks(model, x) for x in (seen.theta, aim)]
        yield name, float(mean_distance(*points)[0])


def _light(trial: Trial, theta: FaceParams) -> Iterator[tuple[str, float]]:
    """`light`, the scale-invariant distance of illumination; `light_asked`, the same
    without an edit."""
    before = trial.editable.before
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


if __name__ == "__main__":
    script.run(main)
