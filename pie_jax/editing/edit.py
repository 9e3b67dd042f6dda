"""Edits a portrait's code with rigs (PIE, sec. 4.2 and 5).

The rig's map (`core.interfaces.Rig`) is that of the energy; here a command is corrected
by what is seen of its edit.

All functions are of arrays with a leading axis B, can be compiled, and can be mapped
over targets. Components are edited in groups: what is in one group at once, from the
same code, and one group after another. `(("rotation",), ("expression",))` turns the
head first, and smiles then.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from pie_jax.core import rotations
from pie_jax.core.interfaces import Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.editing import turns
from pie_jax.editing.feedback import next_command
from pie_jax.editing.sight import Compare, Sight

Groups = Sequence[Sequence[str]]

REACH = {"rotation": 0.35, "expression": 1.5, "illumination": 1.2}
"""How far feedback may take a command from its target, in each number of the
component: radians, standard deviations, units of light. Beyond, it is the estimate that
is wrong (docs/measurements.md). It is also the unit in which components are compared."""


_STEERED = SIZES | {"rotation": 2}
"""How many numbers of a component feedback looks at. Roll, the last of a rotation, is
none: the generator levels the eyes, and what a turn leaves of it, a picture that is
turned makes up for."""


class Editor(NamedTuple):
    """The functions of an edit. They need the parameters `generator`, `rigs`, and what
    `sight` needs."""

    synthesis: Callable[[Any, Array], Array]
    """`(params, w_plus [B, num_ws, 512]) -> image [B, H, W, 3]`, RGB in [-1, 1]."""
    sight: Sight
    compare: Compare
    """What is seen of an expression that was edited."""
    rigs: Mapping[str, Rig]
    """By component."""


@struct.dataclass
class Seen:
    """Portraits and what is seen in them.

    Attributes:
        w_plus: `[B, num_ws, 512]`.
        image: `[B, H, W, 3]`, RGB in [-1, 1].
        theta: `[B]`, what the editor sees in the image (`editing.sight`), of an edit as
            others see it (`editing.turns`).
        by_network: `[B, 3]`, its rotation as the landmark network sees it.
    """

    w_plus: Array
    image: Array
    theta: FaceParams
    by_network: Array

    @property
    def theta_by_network(self) -> FaceParams:
        """Theta with that rotation, in which the landmarks lie where they are."""
        return dataclasses.replace(self.theta, rotation=self.by_network)


def look(
    editor: Editor,
    params: Params,
    w_plus: Array,
    portrait: Seen | None = None,
    like: Seen | None = None,
) -> Seen:
    """Codes as they are: their images, and what is seen there.

    Args:
        w_plus: `[B, num_ws, 512]`.
        portrait: `[B]`, of which they are edits.
        like: `[B]`, with which the expression is compared (`reference`).
    """
    image = editor.synthesis(params.generator, w_plus)
    theta = editor.sight(params, image)
    if like is not None:
        own = like.theta_by_network
        theta = editor.compare(params, own, like.image, theta, image)
    by_network = theta.rotation
    if portrait is not None:
        theta = turns.shown(portrait.theta, portrait.by_network, theta)
    return Seen(w_plus, image, theta, by_network)


def asked(portrait: Seen, target: FaceParams) -> FaceParams:
    """What rigs and refinements of a portrait are asked for, so that others see the
    target (`editing.turns`)."""
    return _asked(portrait.theta, portrait.by_network, target)


def reference(portrait: Seen, edited: Seen, components: Collection[str]) -> Seen | None:
    """What a portrait whose edit goes on is compared with (`look`): the one before, or,
    where the head turned, the rigs' answer."""
    if "expression" not in components:
        return None
    return edited if "rotation" in components else portrait


def edit(
    editor: Editor,
    params: Params,
    portrait: Seen,
    target: FaceParams,
    groups: Groups,
    rounds: int = 0,
) -> Seen:
    """Edits components of portraits, and corrects what the estimator sees.

    The first round adds what is missing to the command (PIE, sec. 5: theta + (theta -
    theta(w_hat))); those after it learn from the ones before. Of all rounds the one
    whose estimate is nearest to the target is kept, for each portrait.

    Args:
        portrait: from `look`, or an edit before.
        target: `[B]`; only the components in `groups` are used.
        groups: which components together, which one after another; see above.
        rounds: of feedback for each group; 0 is none.
    """
    before = None
    for group in groups:
        names = tuple(group)
        if "rotation" in names:
            before = None
        elif "expression" in names:
            before = portrait  # as it has been turned
        portrait = _edit_group(editor, params, portrait, target, names, rounds, before)
    return portrait


def error(theta: FaceParams, target: FaceParams, component: str) -> Array:
    """How far a component of `[...]` is from its target, the editing error `[...]`: for
    rotation the angle between both in radians; else the root mean square of the
    differences."""
    found, wanted = getattr(theta, component), getattr(target, component)
    if component == "rotation":
        return rotations.angle(rotations.matrix(found), rotations.matrix(wanted))
    return jnp.sqrt(jnp.mean((found - wanted) ** 2, axis=-1))


def _edit_group(
    editor: Editor,
    params: Params,
    portrait: Seen,
    target: FaceParams,
    group: Sequence[str],
    rounds: int,
    before: Seen | None,
) -> Seen:
    def attempt(command: FaceParams) -> Seen:
        w_plus, own = portrait.w_plus, portrait.theta_by_network
        theta = asked(portrait, command)
        edited = [
            editor.rigs[c].edit(params.rigs[c], w_plus, own, theta) for c in group
        ]
        return look(editor, params, _joined(w_plus, edited), portrait, before)

    aim = _stacked(target, group)
    reach = np.concatenate([np.full(_STEERED[c], REACH[c], np.float32) for c in group])
    best = found = attempt(target)
    commands, missing = [aim], [_missing(aim, found.theta, group)]
    for _ in range(rounds):
        command = next_command(commands, missing, jnp.asarray(1 / reach))
        commands.append(_within(reach, aim, command))
        found = attempt(_unstacked(commands[-1], target, group))
        missing.append(_missing(aim, found.theta, group))
        best = _nearer(found, best, aim, group)
    return best


def joined(w_plus: Array, edited: Sequence[Array]) -> Array:
    """The code with what several edits of it change."""
    return w_plus + jnp.sum(jnp.stack(edited) - w_plus, axis=0)


# Each compiled as a whole, or dozens of small operations were programs of their own. No
# product is added to a sum in them, which would be rounded otherwise then.
_joined = jax.jit(joined)
_asked = jax.jit(turns.asked)


@jax.jit
def _within(reach: Array, aim: Array, command: Array) -> Array:
    return aim + jnp.clip(command - aim, -reach, reach)


@partial(jax.jit, static_argnums=2)
def _missing(aim: Array, theta: FaceParams, group: Sequence[str]) -> Array:
    return aim - _stacked(theta, group)


@partial(jax.jit, static_argnums=1)
def _stacked(theta: FaceParams, group: Sequence[str]) -> Array:
    """What is steered of the group's components, one behind another, `[B, n]`. Euler
    angles are so near that their differences add."""
    parts = [getattr(theta, c)[..., : _STEERED[c]] for c in group]
    return jnp.concatenate(parts, axis=-1)


@partial(jax.jit, static_argnums=2)
def _unstacked(values: Array, theta: FaceParams, group: Sequence[str]) -> FaceParams:
    """`theta` with the group's components from `_stacked`."""
    parts = _by_component(values, group).items()
    steered = {c: getattr(theta, c).at[..., : _STEERED[c]].set(x) for c, x in parts}
    return dataclasses.replace(theta, **steered)


def _by_component(values: Array, group: Sequence[str]) -> dict[str, Array]:
    """What `_stacked` put one behind another."""
    ends = np.cumsum([_STEERED[component] for component in group])
    return dict(zip(group, jnp.split(values, ends[:-1], axis=-1), strict=True))


@partial(jax.jit, static_argnums=3)
def _nearer(a: Seen, b: Seen, aim: Array, group: Sequence[str]) -> Seen:
    """Of each portrait the one that has less of its error, in units of `REACH`."""

    def total(x: Seen) -> Array:
        missing = _by_component(aim - _stacked(x.theta, group), group).items()
        errors = [jnp.sqrt(jnp.mean(y**2, axis=-1)) / REACH[c] for c, y in missing]
        return jnp.sum(jnp.stack(errors), axis=0)

    better = total(a) < total(b)

    def choose(x: Array, y: Array) -> Array:
        return jnp.where(better.reshape(-1, *[1] * (x.ndim - 1)), x, y)

    return jax.tree.map(choose, a, b)
