"""Refines an edit of an embedded portrait, step by step, with a progress bar."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from pie_jax.core import ibug
from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit, refine
from pie_jax.editing.edit import Seen
from pie_jax.editing.refine import Aim, Known, Looks
from pie_jax.energy.term import needed
from pie_jax.face import crops
from pie_jax.networks import latents
from pie_jax.photos import faces
from pie_jax.stack.assembly import Functions
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.watch import Step, Watch, nobody

_PARTS = (
    *("generator", "mofa", "landmark_net", "face_model", "latents", "to_rgb"),
    "recognition",
)
"""Of the parameters, what a refinement needs (`editing.refine.Looks`)."""


def looks(functions: Functions) -> Looks:
    """What a configuration's refinements look at codes with."""
    seen = functions.networks
    return Looks(
        functions.preview,
        needed(seen.estimate, "mofa"),
        functions.find_landmarks,
        seen.recognition,
        seen.crop,
        _place,
    )


def _place(landmarks: jax.Array) -> jax.Array:
    """`faces.chip_matrix` of traced landmarks: that of a face that moved from where the
    chip is the picture."""
    reference = np.zeros((68, 2))
    reference[list(ibug.CHIP)] = faces.chip_template()
    matrix = jnp.asarray(faces.chip_matrix(reference), landmarks.dtype)
    return crops.follow(matrix, jnp.asarray(reference, landmarks.dtype), landmarks)


def edited_part(
    editable: Editable, edited: Seen, target: FaceParams, components: Sequence[str]
) -> jax.Array:
    """Each pixel's share in the edited head, or in what an expression moves of it,
    `[S, S]` in [0, 1]; args as of `refined`."""
    head = editable.shares(edited, edited.image[0])
    moves = editable.moved(components, target)
    return head if moves is None else jnp.minimum(head, moves)


def refined(
    editable: Editable,
    edited: Seen,
    target: FaceParams,
    components: Sequence[str],
    num_steps: int,
    watch: Watch = nobody,
) -> Seen:
    """Refines an edit.

    Args:
        edited: `[1]`, the rigs' answer.
        target: `[1]`, the theta that is asked for.
        components: what is edited.
        num_steps: of descent.
        watch: is told of each step.
    """
    functions, params = editable.functions, editable.params.only(*_PARTS)
    compiled = functions.programs.compiled
    using = looks(functions)

    def program(function: Callable, name: str, like: Callable) -> Callable:
        return compiled(partial(function, using), f"refine: {name}", like, often=True)

    unseen: Any = (0, 0)
    # The structures of what they give.
    whose = None if using.recognition is None else 0
    aims: dict[str, Any] = {x.name: 0 for x in dataclasses.fields(Aim)}
    aims["descriptors"] = whose
    names = set(refine.NOTICED) - ({"person"} if whose is None else set())
    aims["noticed"] = dict.fromkeys(refine.NOTICED, 0)
    know = program(refine.known, "known", lambda *_: Known(*unseen))
    aim = program(refine.aim, "aim", lambda *x: Aim(**aims | {"target": x[4]}))
    step = program(
        refine.step, "step", lambda params, state, *_: (state, dict.fromkeys(names, 0))
    )
    seen = know(params, editable.before)
    # A head that turns takes its shoulders along, and uncovers what was behind it.
    turns = "rotation" in components
    aside = edited.image if turns else editable.before.image
    head = edited_part(editable, edited, target, components)
    wanted = aim(
        params,
        editable.before,
        seen,
        editable.photo[None],
        edit.asked(editable.before, target),
        edited,
        aside,
        head[None],
        refine.noticed(components),
    )
    begin = compiled(
        refine.begin, "refine: begin", lambda x: jax.eval_shape(refine.begin, x)
    )
    state = begin(wanted)
    sizes = refine.sizes(num_steps)
    bar = tqdm(sizes, desc="refined", unit="it", leave=False)
    for done, each in enumerate(bar):
        watch(Step(done, num_steps))
        state, _ = step(params, state, wanted, jnp.float32(each))
        jax.block_until_ready(state)  # or the bar would run ahead
    back = compiled(latents.unwhiten, "unwhiten", lambda *_: 0)
    w_plus = back(params.latents, state[0])
    portrait = editable.before
    like = edit.reference(portrait, edited, components)
    return edit.look(editable.editor, editable.params, w_plus, portrait, like)
