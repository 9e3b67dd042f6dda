"""Refines an edit of an embedded portrait, step by step, with a progress bar."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.editing import edit, refine
from pie_jax.editing.edit import Seen
from pie_jax.editing.refine import Aim, Known, Looks
from pie_jax.energy.term import needed
from pie_jax.networks import latents
from pie_jax.photos import faces
from pie_jax.stack.assembly import Functions
from pie_jax.workflows.editable import Editable


def looks(functions: Functions) -> Looks:
    """What a configuration's refinements look at codes with."""
    seen = functions.networks
    return Looks(
        functions.generator.synthesis,
        needed(seen.estimate, "mofa"),
        functions.find_landmarks,
        seen.recognition,
        seen.crop,
    )


def refined(
    editable: Editable,
    edited: Seen,
    target: FaceParams,
    components: Sequence[str],
    num_steps: int,
) -> Seen:
    """Refines an edit.

    Args:
        edited: `[1]`, the rigs' answer.
        target: `[1]`, the theta that is asked for.
        components: what is edited.
        num_steps: of descent.
    """
    functions, params = editable.functions, _used(editable.params)
    compiled = functions.programs.compiled
    using = looks(functions)

    def program(function: Callable, name: str, like: Callable) -> Callable:
        return compiled(partial(function, using), f"refine: {name}", like, often=True)

    unseen: Any = (0, 0)
    # The structures of what they give.
    whose = None if using.recognition is None else 0
    aims: dict[str, Any] = {x.name: 0 for x in dataclasses.fields(Aim)}
    aims["descriptor"] = whose
    names = set(refine.NOTICED) - ({"person"} if whose is None else set())
    know = program(refine.known, "known", lambda params, x: Known(x.theta, *unseen))
    aim = program(refine.aim, "aim", lambda *x: Aim(**aims | {"target": x[5]}))
    step = program(
        refine.step, "step", lambda params, state, *_: (state, dict.fromkeys(names, 0))
    )
    seen = know(params, editable.before)
    points = np.asarray(seen.landmarks)[0]
    size = len(editable.photo)
    matrix = faces.chip_matrix(size * points - 0.5)
    # A head that turns takes its shoulders along, and uncovers what was behind it.
    turns = "rotation" in components
    aside = edited.image if turns else editable.before.image
    head = editable.shares(edited, edited.image[0])
    wanted = aim(
        params,
        editable.before,
        seen,
        editable.photo[None],
        jnp.asarray(matrix, jnp.float32)[None],
        target,
        edited,
        aside,
        head[None],
    )
    state = refine.begin(wanted)
    for each in tqdm(refine.sizes(num_steps), desc="refined", unit="it", leave=False):
        state, _ = step(params, state, wanted, jnp.float32(each))
    back = compiled(latents.unwhiten, "unwhiten", lambda *_: 0)
    return edit.look(editable.editor, editable.params, back(params.latents, state[0]))


def _used(params: Params) -> Params:
    """With other parameters beside these it would be another program."""
    names = (
        "generator",
        "mofa",
        "landmark_net",
        "face_model",
        "latents",
        "recognition",
    )
    return Params(**{name: getattr(params, name) for name in names})
