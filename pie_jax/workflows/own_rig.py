"""Makes a portrait's own rig (`networks.own_rig`): refines a few turns of its head."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from pie_jax.core.theta import FaceParams
from pie_jax.editing import refine
from pie_jax.io import own_rigs
from pie_jax.stack.assembly import Stack
from pie_jax.workflows import inputs, refining, shoot
from pie_jax.workflows.editable import Editable, open_portrait
from pie_jax.workflows.requests import Request, request
from pie_jax.workflows.shoot import Options

COMPONENT = "rotation"
"""The one that a hand drags, of few enough numbers."""
TURNS = ({"yaw": "+=-20"}, {"yaw": "+=20"}, {"pitch": "+=-12"}, {"pitch": "+=12"})
"""Degrees from the portrait's own pose: as far as edits keep the person well."""

_LEAST = np.radians(5.0)
"""Of a turn that is worth refining, where the rig's range ends before."""


def ensure(folder: Path, stack: Stack) -> None:
    """Makes the own rig of an embedded portrait, unless it is there.

    Args:
        folder: the portrait's.
        stack: of its generator, with MoFA and a rig.

    Raises:
        PieError: something cannot be read or written.
    """
    functions = stack.functions
    found = inputs.load_codes(folder, functions)
    key = own_rigs.key(found.w_plus, found.of(0), stack.params.rigs[COMPONENT])
    if own_rigs.read(folder, key, functions.generator.num_ws) is not None:
        return
    editable = open_portrait(folder, functions.config, (COMPONENT,), refine=True)
    made = make(editable)
    if made is not None:
        own_rigs.write(folder, made, key)


def make(editable: Editable, num_steps: int = refine.STEPS) -> dict[str, Any] | None:
    """Refines each turn; arrays as of `networks.own_rig.OwnRig`, None where the rig's
    range leaves no turn, or nothing finite comes of one.

    Args:
        editable: a portrait without an own rig, opened to be refined.
        num_steps: of each refinement.
    """
    found = [
        _refined(editable, asked, target, num_steps)
        for asked, target in tqdm([*_turns(editable)], desc="own rig", unit="edit")
    ]
    own = {k: np.stack([x[k] for x in found]) for k in ("towards", "added") if found}
    return own if own and all(np.isfinite(x).all() for x in own.values()) else None


def _turns(editable: Editable) -> Iterator[tuple[Request, FaceParams]]:
    """Those within the rig's range."""
    rig, own = editable.params.rigs[COMPONENT], editable.before.theta
    for turn in TURNS:
        asked = request(turn, None, None, {})
        target = editable.target(asked)
        reached = jnp.clip(target.rotation, rig["low"], rig["high"])
        moves = jnp.abs(target.rotation - own.rotation) > 0
        reached = jnp.where(moves, reached, own.rotation)
        if np.abs(reached - own.rotation).max() > _LEAST:
            yield asked, dataclasses.replace(target, rotation=reached)


def _refined(
    editable: Editable, asked: Request, target: FaceParams, num_steps: int
) -> dict[str, np.ndarray]:
    """One turn, and what comes to the rig's answer to it."""
    before, params = editable.before, editable.params
    rig = editable.editor.rigs[COMPONENT]
    plain = rig.edit(params.rigs[COMPONENT], before.w_plus, before.theta, target)
    found = shoot.answer(editable, asked, target, Options())
    found = refining.refined(editable, found, target, (COMPONENT,), num_steps)
    return {
        "towards": np.asarray(target.rotation - before.theta.rotation)[0],
        "added": np.asarray(found.w_plus - plain)[0],
    }
