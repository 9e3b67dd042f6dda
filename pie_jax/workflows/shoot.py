"""One edit of a portrait: from a request to a picture before its background."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample
from pie_jax.core.theta import FaceParams
from pie_jax.editing import background, colours, edit, local
from pie_jax.editing.edit import Seen
from pie_jax.graphics import camera
from pie_jax.io import images
from pie_jax.photos import alignment, pasting
from pie_jax.workflows import refining
from pie_jax.workflows.editable import Editable
from pie_jax.workflows.requests import Request
from pie_jax.workflows.watch import Watch, nobody

_STILL = 0.5  # pixels by which it is not worth to move a picture
_SLIGHT = 0.1  # radians by which a picture is turned unnoticed, its edges reflected
_SAME = 1e-5  # radians, standard deviations, units of light: what rounding may leave
_EDGE = 0.02  # of a moved picture, in its sides, where it gives way


@dataclasses.dataclass(frozen=True)
class Options:
    """How to edit.

    Attributes:
        feedback: rounds.
        together: whether components are edited at once.
        keep_background: else the generator's.
        refine: steps of descent from the rigs' answer (`editing.refine`); 0 is the rigs
            alone.
        fit_steps: of fitting other photographs.
        paste_back: the full photograph.
    """

    feedback: int = 1
    together: bool = False
    keep_background: bool = True
    refine: int = 0
    fit_steps: int = 0
    paste_back: Path | None = None


class Shot(NamedTuple):
    """One edit.

    Attributes:
        picture_u8: `[R, R, 3]` uint8.
        changed: `[R, R]` in [0, 1], where it is not the photograph; None without
            `Options.paste_back`, for it takes half as long as an edit.
        target: `[1]`, what was asked for.
        edited: `[1]`, with its picture recoloured (`editing.colours`).
        turned: by how much the picture was, in radians.
        head: `[S, S]` in [0, 1], of whatever size, each pixel's share in the edited
            head, as it was moved; None without `Options.keep_background`.
    """

    picture_u8: np.ndarray
    changed: np.ndarray | None
    target: FaceParams
    edited: Seen
    turned: float
    head: np.ndarray | None


def shoot(
    editable: Editable,
    request: Request,
    target: FaceParams,
    options: Options,
    size: int | None = None,
    watch: Watch = nobody,
) -> Shot:
    """One edit of the portrait.

    Args:
        editable: the portrait.
        request: what is asked for.
        target: `[1]`, the same as theta.
        options: how.
        size: least pixels on a side of the picture; as many as the generator's without
            it. Smaller ones take less time.
        watch: is told of the steps of a refinement.

    Raises:
        PieError: the code left all bounds.
    """
    edited = answer(editable, request, target, options)
    edited = refined(editable, request, target, edited, options, watch)
    return shown(editable, request, target, edited, options, size)


def answer(
    editable: Editable, request: Request, target: FaceParams, options: Options
) -> Seen:
    """The rigs' answer to a request; args as of `shoot`."""
    components = request.components()
    groups = [components] if options.together else [[c] for c in components]
    return edit.edit(
        editable.editor,
        editable.params,
        editable.before,
        target,
        [group for group in groups if group],
        options.feedback,
    )


def refined(
    editable: Editable,
    request: Request,
    target: FaceParams,
    edited: Seen,
    options: Options,
    watch: Watch = nobody,
) -> Seen:
    """The rigs' answer `edited`, refined if that is wanted and anything was asked for."""
    components = request.components()
    if not options.refine or not asks(editable, target, components):
        return edited
    return refining.refined(editable, edited, target, components, options.refine, watch)


def shown(
    editable: Editable,
    request: Request,
    target: FaceParams,
    edited: Seen,
    options: Options,
    size: int | None = None,
) -> Shot:
    """An edit as it is saved: recoloured, turned, and before its background; see
    `shoot`."""
    if asks(editable, target, request.components()):
        edited = _recoloured(editable, target, edited)
    if not np.isfinite(edited.image).all():
        raise PieError("no image comes of such an edit; ask for less")
    turn = 0.0
    if "roll" in request.amounts or "rotation" in request.components():
        # The generator levels the eyes, of heads that it turns as well.
        goal = _roll(request, target)
        turn = float(goal - np.asarray(edited.theta.rotation)[0, 2])
        turned = np.array(target.rotation)
        turned[:, 2] = goal
        target = dataclasses.replace(target, rotation=jax.device_put(turned))
    moves = None
    if options.keep_background:
        moves = editable.moved(request.components(), target)
    picture, changed, head = _compose(editable, edited, turn, moves, options, size)
    return Shot(images.to_u8(picture), changed, target, edited, turn, head)


def _recoloured(editable: Editable, target: FaceParams, edited: Seen) -> Seen:
    """An edit with the colours that are expected of its face (`editing.colours`), and what
    MoFA sees of colours then."""
    recolour = editable.functions.programs.compiled(
        colours.recoloured, "recoloured", lambda *_: 0
    )
    own, before = editable.before.theta, editable.before.image
    asked = edit.asked(editable.before, target)
    there = edited.theta_by_network
    image = recolour(editable.model, own, before, asked, there, edited.image)
    seen = editable.editor.sight(editable.params, image)
    found = {x: getattr(seen, x) for x in ("reflectance", "illumination")}
    theta = dataclasses.replace(edited.theta, **found)
    return dataclasses.replace(edited, image=image, theta=theta)


def asks(editable: Editable, target: FaceParams, components: Sequence[str]) -> bool:
    """Whether anything is to change; else an edit is none."""
    own = editable.before.theta
    return any(
        np.abs(np.asarray(getattr(target, x)) - getattr(own, x)).max() > _SAME
        for x in components
    )


def _roll(request: Request, target: FaceParams) -> np.ndarray:
    """What is asked for, in radians: the target's where the request says nothing."""
    own, amount = np.asarray(target.rotation)[0, 2], request.amounts.get("roll")
    if amount is None:
        return own
    return np.asarray(jnp.deg2rad(amount.value)) + (own if amount.added else 0)


def _compose(
    editable: Editable,
    edited: Seen,
    turn: float,
    moves: jax.Array | None,
    options: Options,
    wanted: int | None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The picture `[R, R, 3]`, and `Shot`'s `changed` and `head`."""
    keep, paste = options.keep_background, options.paste_back is not None
    picture, photo = np.asarray(edited.image)[0], editable.photo
    after = np.asarray(editable.shares(edited, picture)) if keep else None
    factor = _reduction(len(picture), wanted)
    if factor > 1:
        picture, photo = downsample(picture, factor), downsample(photo, factor)
    size = len(picture)
    origin = goal = _middle(editable, edited.theta)
    if keep:
        # The generator centres faces. Before a still background heads turn in place.
        goal = _middle(editable, editable.before.theta)
    covered = np.ones((size, size))
    if max(abs(turn) / 2, np.abs(goal - origin).max()) * size > _STILL:
        here, there = (size * point - 0.5 for point in (origin, goal))
        quad = alignment.moved_quad(size, here, there, turn)
        fade = not keep and abs(turn) > _SLIGHT
        moved_u8 = alignment.cut(images.to_u8(picture), quad, size, fade=fade)
        picture = images.from_u8(moved_u8)
        covered = alignment.within(quad, pasting.outline(size, _EDGE))
        if after is not None:
            after = alignment.within(quad, as_large(after, size))
    if after is None:
        return picture, np.ones((size, size)) if paste else None, None
    before = editable.own_shares
    masks = [as_large(x, len(before)) for x in (after, covered)]
    compiled = editable.functions.programs.compiled
    hold = compiled(background.hold, "hold", lambda *_: 0)
    held, reached = hold(photo, picture, before, *masks), np.ones((1, 1))
    if moves is not None and abs(turn) / 2 * size <= _STILL:
        keep_still = compiled(local.kept, "kept", lambda *_: (0, 0))
        held, reached = keep_still(photo, held, moves)
    if not paste:
        return np.asarray(held), None, after
    change = partial(background.changed, size=size)
    changed = compiled(change, f"changed {size}", lambda *_: 0)(before, *masks)
    changed = np.minimum(changed, as_large(np.asarray(reached), size))
    return np.asarray(held), changed, after


def _reduction(size: int, wanted: int | None) -> int:
    """By which power of two pictures may be smaller."""
    return 1 if wanted is None else 1 << max(0, (size // wanted).bit_length() - 1)


def as_large(mask: np.ndarray, size: int) -> np.ndarray:
    """A mask `[S, S]` in [0, 1] as one of `[size, size]`."""
    resized = Image.fromarray(np.float32(mask)).resize((size, size))
    return np.clip(np.asarray(resized), 0, 1)


def _middle(editable: Editable, theta: FaceParams) -> np.ndarray:
    """Where the head's middle is seen, `[2]` in fractions of the frame."""
    seen = editable.functions.programs.compiled(
        partial(camera.project, resolution=1), "middle", lambda *_: 0, one_by_one=True
    )
    return np.asarray(seen(theta.translation, editable.model.camera))[0]
