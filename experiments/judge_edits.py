r"""Judges edits of embedded portraits as `pie edit` makes them, by who saw none of them.

    python -m experiments.judge_edits embedded/* --refine 24 --out judged
    python -m experiments.judge_edits embedded/anna --refine 0 --out quick --edits poses

Each edit is compared with the photograph: by the networks of `experiments.outside_judge`,
which no loss and no training saw, by dlib's, by what MoFA and the landmark network see, and
beside the head; how far a head turned, by PnP on dlib's landmarks as well. Writes
`OUT/rows.json` and a sheet of each portrait, prints means, and goes on where it was killed.
Needs what `outside_judge` needs, and opencv-python-headless.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments import outside_judge, pictures, pnp, script
from experiments.generate_samples import find_landmarks
from experiments.landmark_error import landmark_error
from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample, reduce_area
from pie_jax.core.theta import COMPONENTS
from pie_jax.io import atomic, images
from pie_jax.networks.landmark_net import both_ways
from pie_jax.workflows import edit_record, inputs, requests
from pie_jax.workflows.editable import Editable, open_portrait
from pie_jax.workflows.measure import recognition_distance
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options, Shot, as_large, shoot

YAWS, PITCHES = (-24, -16, -8, 0, 8, 16, 24), (-12, 0, 12)
EXPRESSIONS = (
    *("jawOpen=0.5", "smile=0.7", "browsUp=0.8", "blink=0.6", "neutral"),
    *("frown=0.6", "squint=0.6", "eyesWide=0.7", "browsDown=0.7", "mouthPucker=0.6"),
    *("mouthLeft=0.6", "jawForward=0.6", "cheekPuff=0.6"),
)
LIGHTS = (
    "azimuth=50",
    "azimuth=-50",
    "elevation=50",
    "intensity=0.6",
    "colour=#ffe4c4",
)
FIGURES = ("cosine", "years", "person", "error", "landmarks", "outside", "leak")
NEAR, FAR = 16, 20
"""Degrees of yaw up to which, and from which, an edit's identity has bars of its own."""

Judge = Callable[[np.ndarray], tuple[np.ndarray, float]]
Row = dict[str, Any]


def main() -> None:
    """Judges, writes, prints."""
    parser = script.parser(
        __doc__, "out", refine=(24, "steps"), rounds=(1, "of feedback")
    )
    parser.add_argument("portraits", type=Path, nargs="+", metavar="DIR")
    kinds = {"poses": poses(), "expressions": expressions(), "lights": lights()}
    parser.add_argument("--edits", choices=kinds, nargs="*", default=list(kinds))
    args = parser.parse_args()
    pnp.require_opencv()
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [x for kind in args.edits for x in kinds[kind]]
    options = Options(feedback=args.rounds, refine=args.refine)
    file = args.out / "rows.json"
    rows: list[Row] = json.loads(file.read_text()) if file.exists() else []
    how = {"refine": args.refine, "rounds": args.rounds}
    if any(how.items() - row.items() for row in rows):
        raise PieError(f"{file} is of edits with other options; choose another --out")
    for place in args.portraits:
        names = {"", *(name for name, _ in wanted)}
        known = [row for row in rows if row["portrait"] == place.name]
        if {row["edit"] for row in known} >= names:
            continue
        rows = [row for row in rows if row not in known or row["edit"] not in names]
        editable = open_portrait(
            place, inputs.load_config(place, None, []), COMPONENTS, refine=True
        )
        found, sheet = judged(editable, wanted, options, outside_judge.judge)
        rows += [{"portrait": place.name, **how, **row} for row in found]
        pictures.sheet(args.out / f"{'-'.join([place.name, *args.edits])}.png", sheet)
        with atomic.replacing(file) as out:
            out.write(json.dumps(rows, indent=1).encode())
    for name, figures in summary(rows).items():
        told = ", ".join(f"{k} {x:.3f}" for k, x in figures.items())
        print(f"{name}: {told}")


def poses() -> list[tuple[str, Request]]:
    """Every yaw with every pitch, degrees; by name."""
    return [
        (f"yaw {yaw} pitch {pitch}", _request({"yaw": str(yaw), "pitch": str(pitch)}))
        for yaw in YAWS
        for pitch in PITCHES
    ]


def expressions() -> list[tuple[str, Request]]:
    """Single expressions."""
    return [(x, requests.request({}, x, None, {})) for x in EXPRESSIONS]


def lights() -> list[tuple[str, Request]]:
    """Lamps at the side, above, darker, warm."""
    return [(x, requests.request({}, None, x, {})) for x in LIGHTS]


def _request(angles: dict[str, str]) -> Request:
    return requests.request(angles, None, None, {})


def judged(
    editable: Editable,
    wanted: Sequence[tuple[str, Request]],
    options: Options,
    judge: Judge,
) -> tuple[list[Row], list[np.ndarray]]:
    """Edits one portrait.

    Args:
        editable: the portrait.
        wanted: edits by name.
        options: how to edit.
        judge: as `outside_judge.judge`.

    Returns:
        A row for the projection, whose `edit` is "", and one for each edit: `cosine`
        and `years` by the judge against the photograph, `person`, dlib's distance,
        `outside`, see `beside`, `error`, of the component (of expressions the landmarks'),
        `leak` (`editing.leaks.landmark_leak`), of expressions `landmarks`, by the landmark
        network (`landmark_error`), and of poses the yaw, see `yaws`. None
        where no face is found. And rows of small pictures, six in each.
    """
    photo_u8 = images.to_u8(np.asarray(editable.photo))
    projection_u8 = images.to_u8(np.asarray(editable.before.image[0]))
    compare = partial(_compared, judge, _seen(judge, photo_u8))
    person = recognition_distance(projection_u8, editable.portrait, editable.stack)
    rows: list[Row] = [{"edit": "", **compare(projection_u8), "person": person}]
    shown = [photo_u8, projection_u8]
    for name, request in tqdm(wanted, unit="edit"):
        shot = shoot(editable, request, editable.target(request), options)
        told = edit_record.describe(editable, shot, request)
        errors = told["errors"]
        (component,) = request.components()
        row = {
            "edit": name,
            **compare(shot.picture_u8),
            "person": told["recognition_distance"],
            "outside": beside(editable, shot),
            "error": errors.get("expression_landmarks", errors[component]),
            "leak": told["leaks"]["landmarks"],
        }
        if component == "expression":
            row["landmarks"] = _landmarks_left(editable, shot)
        if component == "rotation":
            row |= yaws(editable, shot.picture_u8)
            row["requested"] = told["requested"]["degrees"]["yaw"]
        rows.append(row)
        shown.append(shot.picture_u8)
    return rows, list(_rows_of(shown, 6))


def _landmarks_left(editable: Editable, shot: Shot) -> float:
    """By the landmark network, see `landmark_error`."""
    find, net = editable.functions.find_landmarks, editable.params.landmark_net
    own = editable.before.theta
    to = dataclasses.replace(own, expression=shot.target.expression)
    points = (both_ways(find, net, x.image) for x in (editable.before, shot.edited))
    faces = (edit_record.landmarks(editable.model, x) for x in (own, to))
    return float(landmark_error(*points, *faces)[0])


def yaws(editable: Editable, picture_u8: np.ndarray) -> Row:
    """A head's yaw in degrees, by PnP on dlib's landmarks with the mean head, and with that
    which MoFA sees in the portrait; nothing where dlib finds no face."""
    points = find_landmarks(picture_u8)
    if points is None:
        return {}
    heads = {"mean_head": None, "own_head": editable.before.theta}
    found = {
        name: pnp.solve(editable.model, points[None], head)
        for name, head in heads.items()
    }
    return {name: float(np.rad2deg(pose[0, 1])) for name, pose in found.items()}


def beside(editable: Editable, shot: Shot) -> float:
    """The mean absolute difference to the photograph, of 1, where neither the photograph's
    head nor the edited one is, as it was moved."""
    size = len(editable.own_shares)
    heads = np.asarray(editable.own_shares)
    if shot.head is not None:
        heads = np.maximum(heads, as_large(shot.head, size))
    picture = images.from_u8(shot.picture_u8)
    one, other = (
        np.asarray(reduce_area(jnp.asarray(x)[None], size))[0]
        for x in (picture, editable.photo)
    )
    off = np.abs(one - other).mean(axis=-1) / 2
    weight = np.clip(1 - heads, 0, 1)
    return float((weight * off).sum() / max(weight.sum(), 1e-6))


def _compared(
    judge: Judge, own: tuple[np.ndarray, float] | None, picture_u8: np.ndarray
) -> Row:
    found = _seen(judge, picture_u8)
    if own is None or found is None:
        return {"cosine": None, "years": None}
    return {"cosine": float(own[0] @ found[0]), "years": float(found[1] - own[1])}


def _seen(judge: Judge, picture_u8: np.ndarray) -> tuple[np.ndarray, float] | None:
    try:
        return judge(picture_u8)
    except PieError:
        return None


def _rows_of(shown: list[np.ndarray], length: int) -> Iterator[np.ndarray]:
    small = [_small(x) for x in shown]
    small += [np.zeros_like(small[0])] * (-len(small) % length)
    for i in range(0, len(small), length):
        yield np.stack(small[i : i + length])


def _small(picture_u8: np.ndarray) -> np.ndarray:
    factor = max(1, len(picture_u8) // 512)
    return np.rint(downsample(picture_u8, factor)).astype(np.uint8)


def summary(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Means of figures over rows by kind of edit; "lowest" is the lowest cosine,
    `slope_mean_head` and `slope_own_head` are those of the achieved over the requested
    yaw, by PnP with that head."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        for kind in _kinds(row["edit"]):
            kinds.setdefault(kind, []).append(row)
    return {kind: _means(found) for kind, found in kinds.items()}


def _kinds(name: str) -> list[str]:
    if not name:
        return ["projection"]
    if not name.startswith("yaw"):
        return [name.partition("=")[0] if "=" in name else name]
    yaw = abs(int(name.split()[1]))
    near = [f"yaw up to {NEAR}"] if yaw <= NEAR else []
    return ["poses", *near, *([f"yaw from {FAR}"] if yaw >= FAR else [])]


def _means(rows: Sequence[Row]) -> dict[str, float]:
    found: dict[str, float] = {"edits": len(rows)}
    for name in FIGURES:
        values = [row[name] for row in rows if row.get(name) is not None]
        if values:
            found[name] = float(np.mean(values))
        if values and name == "cosine":
            found["lowest"] = float(np.min(values))
        if values and name == "person":
            found["recognition"] = float(np.mean(np.square(values)))
    return found | _slopes(rows)


def _slopes(rows: Sequence[Row]) -> dict[str, float]:
    found = {}
    for head in ("mean_head", "own_head"):
        turned = [row for row in rows if head in row]
        asked = [row["requested"] for row in turned]
        if len(set(asked)) > 1:
            reached = [row[head] for row in turned]
            found[f"slope_{head}"] = float(np.polyfit(asked, reached, 1)[0])
    return found


if __name__ == "__main__":
    script.run(main)
