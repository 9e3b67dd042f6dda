"""The edits of a sweep, of which a few are refined.

What a refinement changes of the rigs' answer is much the same for the next amount. So the
first, the middle and the last edit are refined, and between them what that changed is
interpolated: a frame costs what it costs by the rigs alone.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit
from pie_jax.editing.edit import Seen
from pie_jax.workflows import shoot
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options, Shot

ANCHORS = 3
"""Edits that are refined."""


def sweep_shots(
    editable: Editable,
    wanted: Sequence[tuple[Request, FaceParams]],
    options: Options,
) -> list[Shot]:
    """Edits whose amounts are evenly spaced.

    Args:
        editable: the portrait.
        wanted: what is asked for, and the same as theta.
        options: how to edit.

    Raises:
        PieError: a code left all bounds.
    """
    answers = [
        shoot.answer(editable, request, target, options)
        for request, target in tqdm(wanted, unit="edit", desc="rigs", leave=False)
    ]
    if options.refine:
        answers = _refined(editable, wanted, answers, options)
    return [
        shoot.shown(editable, request, target, edited, options)
        for (request, target), edited in zip(
            tqdm(wanted, unit="edit"), answers, strict=True
        )
    ]


def _refined(
    editable: Editable,
    wanted: Sequence[tuple[Request, FaceParams]],
    answers: Sequence[Seen],
    options: Options,
) -> list[Seen]:
    """The rigs' answers with what refinements of some of them changed."""
    chosen = np.unique(np.linspace(0, len(wanted) - 1, ANCHORS).round().astype(int))
    anchors = {}
    for i in chosen:
        request, target = wanted[i]
        anchors[i] = shoot.refined(editable, request, target, answers[i], options)
    changes = np.stack([anchors[i].w_plus - answers[i].w_plus for i in chosen])

    def look(i: int) -> Seen:
        (request, target), found = wanted[i], answers[i]
        portrait, components = editable.before, request.components()
        if not shoot.asks(editable, target, components):
            return found  # as it is
        like = edit.reference(portrait, found, components)
        w_plus = found.w_plus + between(chosen, changes, i)
        return edit.look(editable.editor, editable.params, w_plus, portrait, like)

    return [anchors[i] if i in anchors else look(i) for i in range(len(wanted))]


def between(places: np.ndarray, values: np.ndarray, place: int) -> jnp.ndarray:
    """Values `[A, ...]` at places `[A]`, which rise, interpolated at another."""
    after = int(np.clip(np.searchsorted(places, place), 1, len(places) - 1))
    low, high = places[after - 1], places[after]
    share = (place - low) / (high - low)
    found = (1 - share) * values[after - 1] + share * values[after]
    return jnp.asarray(found, values.dtype)
