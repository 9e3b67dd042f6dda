"""Edits an embedded portrait into a folder: pictures, and what became of the wish."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from jax import Array
from ml_collections import ConfigDict
from PIL import Image
from tqdm import tqdm

from pie_jax.cli import edit_record, reconstruct, requests, runtime, studio
from pie_jax.cli.requests import Request, Sweep
from pie_jax.cli.studio import Studio
from pie_jax.core.errors import PieError
from pie_jax.core.theta import FaceParams
from pie_jax.editing import background, edit
from pie_jax.editing.edit import Edited
from pie_jax.graphics import camera
from pie_jax.io import (
    alignment,
    animations,
    atomic,
    images,
    pasting,
    provenance,
    results,
)

RECORD = "edit.json"
"""Written last: where it is, the folder is complete."""
PICTURES = ("edited.png", "pasted.png", "strip.png", "sweep.gif")

_STILL = 0.5  # pixels by which it is not worth to move a picture
_SLIGHT = 0.1  # radians by which a picture is turned unnoticed, its edges reflected
_EDGE = 0.02  # of a moved picture, in its sides, where it gives way
_STRIP, _MOVING = 512, 256  # pixels on a side of a sweep's pictures
_SECONDS = 0.25  # that each is shown


@dataclasses.dataclass(frozen=True)
class Manner:
    """How to edit.

    Attributes:
        feedback: rounds.
        together: whether components are edited at once.
        keep_background: else the generator's.
        refine: steps of fitting other photographs.
        paste_back: the full photograph.
    """

    feedback: int = 1
    together: bool = False
    keep_background: bool = True
    refine: int = 0
    paste_back: Path | None = None


class Shot(NamedTuple):
    """One edit.

    Attributes:
        picture_u8: `[R, R, 3]` uint8.
        changed: `[R, R]` in [0, 1], where it is not the photograph.
        target: `[1]`, what was asked for.
        edited: `[1]`.
        turned: by how much the picture was, in radians.
    """

    picture_u8: np.ndarray
    changed: np.ndarray
    target: FaceParams
    edited: Edited
    turned: float


def check_source(source: Path) -> None:
    """Raises PieError where no portrait is in a folder, and no code in a file."""
    if source.is_file():
        return
    if not (source / "code").is_dir() or not (source / "aligned.png").is_file():
        raise PieError(
            f"{source} holds no embedded portrait; name the folder that `pie embed` "
            "made for it, OUT/<name of the photograph>, or a file with a code"
        )


def summary(
    source: Path, asked: Request, swept: Sweep | None, manner: Manner
) -> dict[str, Any]:
    """What tells this edit from others, for the record."""
    how = dataclasses.asdict(manner)
    how["paste_back"] = manner.paste_back.name if manner.paste_back else None
    record = {"portrait": source.resolve().name, "asked": requests.described(asked)}
    if swept:
        values = [requests.written(amount) for amount in swept.amounts]
        record["sweep"] = {swept.name: values}
    return record | {"how": how}


def check_out(out: Path, wanted: dict[str, Any], args: argparse.Namespace) -> None:
    """Raises PieError where other results would be overwritten."""
    there = [name for name in (*PICTURES, RECORD) if (out / name).exists()]
    if not there or args.overwrite:
        return
    try:
        record = json.loads((out / RECORD).read_text())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or any(record.get(k) != wanted[k] for k in wanted):
        raise PieError(
            f"{out} holds {there[0]} of something else; give another --out, or "
            "--overwrite to replace it"
        )


def edit_portrait(
    source: Path,
    config: ConfigDict,
    asked: Request,
    swept: Sweep | None,
    manner: Manner,
    out: Path,
) -> None:
    """Edits, and writes the results.

    Raises:
        PieError: what is asked for does not exist, something cannot be read or
            written, or nothing sensible comes of it.
    """
    wishes = [asked]
    if swept:
        wishes = [asked.changed(swept.name, amount) for amount in swept.amounts]
    also = studio.needs_landmarks(config, asked.photos)
    opened = studio.open_studio(source, config, wishes[0].components(), also)
    requests.check_names(opened.model, wishes[0].amounts)
    pasted_on = images.read(manner.paste_back) if manner.paste_back else None
    given = studio.thetas_of(opened, asked.photos, manner.refine)
    own = opened.before.theta
    targets = [requests.target(wish, opened.model, own, given) for wish in wishes]
    _warn(opened, targets, wishes[0].components())
    results.make_folder(out)
    atomic.clear(out)
    for name in (RECORD, *PICTURES):  # an older run's, and no longer true
        (out / name).unlink(missing_ok=True)
    pairs = list(zip(wishes, targets, strict=True))
    shots = [
        shoot(opened, wish, target, manner)
        for wish, target in tqdm(pairs, unit="edit", disable=swept is None)
    ]
    text = provenance.text(partly=manner.keep_background)
    if swept:
        _write_sweep(out, shots, text)
    else:
        images.write_png(out / "edited.png", shots[0].picture_u8, text=text)
    if pasted_on is not None:
        placed = opened.portrait.alignment
        pasted = pasting.paste(pasted_on, placed, shots[0].picture_u8, shots[0].changed)
        text = provenance.text(partly=True)
        images.write_png(out / "pasted.png", pasted, text=text)
    found = [
        edit_record.describe(opened, shot, wish)
        for wish, shot in zip(wishes, shots, strict=True)
    ]
    record = {
        **summary(source, asked, swept, manner),
        "synthetic": provenance.COMMENT,
        "face_model": runtime.face_model_record(config),
        "own": edit_record.units(opened.model, own),
        "edits" if swept else "edit": found if swept else found[0],
    }
    reconstruct.write_record(out / RECORD, record)


def shoot(opened: Studio, wish: Request, target: FaceParams, manner: Manner) -> Shot:
    """One edit of the portrait.

    Args:
        opened: the portrait.
        wish: what is asked for.
        target: `[1]`, the same as theta.
        manner: how.

    Raises:
        PieError: the code left all bounds.
    """
    components = wish.components()
    groups = [components] if manner.together else [[c] for c in components]
    edited = edit.edit(
        opened.editor,
        opened.params,
        opened.before,
        target,
        [group for group in groups if group],
        manner.feedback,
    )
    if not np.isfinite(edited.image).all():
        raise PieError("no image comes of such an edit; ask for less")
    turn = 0.0
    if "roll" in wish.amounts or "rotation" in components:
        # The generator levels the eyes, of heads that it turns as well.
        goal = _roll(wish, target)
        turn = float(goal - edited.theta.rotation[0, 2])
        turned = target.rotation.at[:, 2].set(goal)
        target = dataclasses.replace(target, rotation=turned)
    picture, changed = _compose(opened, edited, turn, manner.keep_background)
    return Shot(images.to_u8(picture), changed, target, edited, turn)


def _roll(wish: Request, target: FaceParams) -> Array:
    """What is asked for, in radians: the target's where the wish says nothing."""
    own, amount = target.rotation[0, 2], wish.amounts.get("roll")
    if amount is None:
        return own
    return jnp.deg2rad(amount.value) + (own if amount.added else 0)


def _compose(
    opened: Studio, edited: Edited, turn: float, keep: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The picture `[R, R, 3]`, and where it is not the photograph `[R, R]`."""
    picture = np.asarray(edited.image[0])
    size = len(picture)
    after = np.asarray(opened.shares(edited, edited.image[0])) if keep else None
    origin = goal = _middle(opened, edited.theta)
    if keep:
        # The generator centres faces. Before a still background heads turn in place.
        goal = _middle(opened, opened.before.theta)
    covered = np.ones((size, size))
    if max(abs(turn) / 2, np.abs(goal - origin).max()) * size > _STILL:
        here, there = (size * point - 0.5 for point in (origin, goal))
        quad = alignment.moved_quad(size, here, there, turn)
        fade = not keep and abs(turn) > _SLIGHT
        moved_u8 = alignment.cut(images.to_u8(picture), quad, size, fade=fade)
        picture = images.from_u8(moved_u8)
        covered = alignment.within(quad, pasting.outline(size, _EDGE))
        if after is not None:
            after = alignment.within(quad, _as_large(after, size))
    if after is None:
        return picture, np.ones((size, size))
    before = opened.shares(opened.before, opened.photo)
    masks = [_as_large(x, len(before)) for x in (after, covered)]
    held = jax.jit(background.hold)(opened.photo, picture, before, *masks)
    changed = jax.jit(background.changed, static_argnums=3)(before, *masks, size)
    return np.asarray(held), np.asarray(changed)


def _as_large(mask: np.ndarray, size: int) -> np.ndarray:
    resized = Image.fromarray(np.float32(mask)).resize((size, size))
    return np.clip(np.asarray(resized), 0, 1)


def _middle(opened: Studio, theta: FaceParams) -> np.ndarray:
    """Where the head's middle is seen, `[2]` in fractions of the frame."""
    return np.asarray(camera.project(theta.translation, opened.model.camera, 1))[0]


def _write_sweep(out: Path, shots: Sequence[Shot], text: dict[str, str]) -> None:
    """`strip.png`, and `sweep.gif` there and back."""
    size = len(shots[0].picture_u8)
    large, small = (
        [_reduced(shot.picture_u8, max(1, size // side)) for shot in shots]
        for side in (_STRIP, _MOVING)
    )
    images.write_png(out / "strip.png", np.concatenate(large, axis=1), text=text)
    frames_u8 = np.stack([*small, *small[-2:0:-1]])
    animations.write_gif(
        out / "sweep.gif", frames_u8, _SECONDS * len(frames_u8), provenance.COMMENT
    )


def _reduced(picture_u8: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor for side in picture_u8.shape[:2])
    blocks = picture_u8.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    return np.rint(blocks).astype(np.uint8)


def _warn(
    opened: Studio, targets: Sequence[FaceParams], components: Sequence[str]
) -> None:
    """Tells what lies beyond what the rigs were trained on."""
    for component in components:
        rig = opened.params["rigs"][component]
        if not isinstance(rig, dict) or not {"low", "high"} <= rig.keys():
            continue
        own = getattr(opened.before.theta, component)
        values = np.stack([getattr(target, component)[0] for target in targets])
        changed = np.abs(values - np.asarray(own)) > 1e-5
        low, high = np.asarray(rig["low"]), np.asarray(rig["high"])
        outside = (changed & ((values < low) | (values > high))).any(axis=0)
        if outside.any():
            what = edit_record.beyond(component, outside, low, high)
            logging.warning("%s; expect less than asked for, or flaws", what)
