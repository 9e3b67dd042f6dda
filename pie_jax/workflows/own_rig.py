"""Makes portraits' own rigs (`networks.own_rig`): refines a few turns of each head."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit, refine
from pie_jax.io import own_rigs, results
from pie_jax.networks.own_rig import COMPONENT
from pie_jax.stack import uses
from pie_jax.stack.assembly import Stack
from pie_jax.stack.load import load
from pie_jax.workflows import editable, inputs, refining, requests, shoot
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options
from pie_jax.workflows.watch import Step, Stopped, Watch, nobody

TURNS = (("yaw", 1, -20), ("yaw", 1, 20), ("pitch", 0, -12), ("pitch", 0, 12))
"""Angles, their place in a rotation, and degrees from the portrait's own pose: as far as
edits keep the person well."""

_LEAST = np.radians(5.0)
"""Of a turn that is worth refining, where the rig's range ends before."""


def make_all(
    folders: Sequence[Path], stack: Stack, config: ConfigDict, watch: Watch = nobody
) -> dict[Path, Exception]:
    """Makes the own rigs of embedded portraits that have none.

    Args:
        folders: the portraits'.
        stack: of their generator, with a rig of turns.
        config: the same.
        watch: is told of each step.

    Returns:
        What went wrong, by folder; the other portraits have one, or their pose leaves
        the rig no turn.

    Raises:
        Stopped: by the watcher.
    """
    editing: Stack | None = None
    problems: dict[Path, Exception] = {}
    for folder in folders:
        try:
            if _kept(folder, stack)[1] is not None:
                continue
            editing = editing or load(config, uses.edit(COMPONENT, refine=True))
            _make(folder, editing, watch)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  the portrait is embedded all the same
            problems[folder] = error
    return problems


def _kept(folder: Path, stack: Stack) -> tuple[str, dict[str, np.ndarray] | None]:
    """What a portrait's own rig belongs to, and that which its folder holds."""
    functions = stack.functions
    found = inputs.load_codes(folder, functions)
    key = own_rigs.key(found.w_plus, found.of(0), stack.params.rigs[COMPONENT])
    return key, own_rigs.read(folder, key, functions.generator.num_ws)


def _make(folder: Path, stack: Stack, watch: Watch) -> None:
    with results.claimed(folder):
        key, own = _kept(folder, stack)
        if own is not None:
            return  # another run's, which this one waited for
        opened = editable.opened(folder, stack)
        num_ws = stack.functions.generator.num_ws
        own = _refined(opened, folder.name, num_ws, watch)
        if not own_rigs.is_one(own, num_ws):
            raise PieError("its turns lead out of all bounds")
        own_rigs.write(folder, own, key)


def _refined(
    opened: Editable, name: str, num_ws: int, watch: Watch
) -> dict[str, np.ndarray]:
    """Each turn, and what comes to the rig's answer to it, in half precision."""
    turns = [*_turns(opened)]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for asked, target in tqdm(turns, desc=f"{name}: its own rig", unit="turn"):

        def told(step: Step, before: int = len(found)) -> None:
            done = before * refine.STEPS + step.done
            watch(Step(done, len(turns) * refine.STEPS))

        found.append(_turned(opened, asked, target, told))
    own = {
        "towards": np.reshape([turn for turn, _ in found], (-1, 3)),
        "added": np.reshape([x for _, x in found], (-1, num_ws, 512)),
    }
    with np.errstate(over="ignore"):  # to infinity, which the caller refuses
        return {k: x.astype(np.float16) for k, x in own.items()}


def _turns(opened: Editable) -> Iterator[tuple[Request, FaceParams]]:
    """Those that the rig's range leaves, no longer than it."""
    own, (least, largest) = opened.before.theta, opened.trained(COMPONENT)
    for name, axis, degrees in TURNS:
        asked = requests.request({name: f"+={degrees}"}, None, None, {})
        target = opened.target(asked)
        begin = float(own.rotation[0, axis])
        end = np.clip(np.asarray(target.rotation)[0, axis], least[axis], largest[axis])
        if np.sign(degrees) * (end - begin) > _LEAST:
            rotation = target.rotation.at[0, axis].set(end)
            yield asked, dataclasses.replace(target, rotation=rotation)


def _turned(
    opened: Editable, asked: Request, target: FaceParams, watch: Watch
) -> tuple[np.ndarray, np.ndarray]:
    before, params = opened.before, opened.params
    rig = opened.editor.rigs[COMPONENT]
    command = edit.asked(before, target)
    plain = rig.edit(params.rigs[COMPONENT], before.w_plus, before.theta, command)
    answer = shoot.answer(opened, asked, target, Options())
    refined = refining.refined(
        opened, answer, target, (COMPONENT,), refine.STEPS, watch
    )
    turn = command.rotation - before.theta.rotation
    return np.asarray(turn)[0], np.asarray(refined.w_plus - plain)[0]
