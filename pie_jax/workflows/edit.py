"""Edits an embedded portrait into a folder: pictures, and what became of the request."""

import dataclasses
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample
from pie_jax.core.theta import FaceParams
from pie_jax.io import animations, images, provenance, records, results
from pie_jax.photos import faces, pasting
from pie_jax.photos.alignment import Alignment
from pie_jax.photos.portraits import Portrait
from pie_jax.stack.load import face_model_record
from pie_jax.workflows import edit_record, inputs, requests
from pie_jax.workflows.editable import Editable, open_portrait, thetas_of
from pie_jax.workflows.requests import Request, Sweep
from pie_jax.workflows.shoot import Options, Shot, shoot
from pie_jax.workflows.sweep import sweep_shots

RECORD = "edit.json"
"""Written last: where it is, the folder is complete."""
PICTURES = ("edited.png", "pasted.png", "strip.png", "sweep.gif", "sweep.mp4")

_STRIP, _MOVING = 512, 256  # pixels on a side of a sweep's pictures
_SECONDS = 0.25  # that each is shown


def edit_portrait(
    source: Path,
    request: Request,
    sweep: Sweep | None,
    options: Options,
    *,
    out: Path | None = None,
    config: str | None = None,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    opened: Editable | None = None,
) -> Path:
    """Edits a portrait, and writes the results into a folder.

    Args:
        source: the portrait's folder, or a file with a code.
        request: what is asked for.
        sweep: several edits that differ in one amount.
        options: how to edit.
        out: the folder; named after the request without it.
        config: of the code's generator; the portrait's own without it.
        overrides: `--config.a.b=value`.
        overwrite: whether other results may be replaced.
        opened: the portrait, if it was opened before, with all rigs.

    Returns:
        The folder.

    Raises:
        PieError: what is asked for does not exist, something cannot be read or
            written, or nothing sensible comes of it.
    """
    # What can be told without the networks is told before anything is fetched.
    photos = [*request.photos.values(), *filter(None, [options.paste_back])]
    for photo in photos:
        images.check_source(photo)
    if sweep and options.paste_back:
        raise PieError("--paste-back takes one edit, not a sweep; leave one out")
    inputs.check_portrait(source)
    out = out or _place(source) / requests.label(request, sweep)
    summary = _summary(source, request, sweep, options)
    if not overwrite:
        _check_out(out, summary)
    values = inputs.load_config(source, config, overrides)
    asked = [request]
    if sweep:
        asked = [request.changed(sweep.name, amount) for amount in sweep.amounts]
    components = asked[0].components()
    # What is still being written is waited for before another run may have the folder.
    with ExitStack() as claim, ThreadPoolExecutor(1) as beside:
        if source.is_dir():
            beside.submit(faces.read_files)  # should it fail, so will their first use
        editable = opened or open_portrait(
            source, values, components, request.photos, refine=options.refine > 0
        )
        requests.check_names(editable.model, asked[0].amounts)
        photo_u8 = _photo(options.paste_back, editable.portrait, source)
        given = thetas_of(editable, request.photos, options.fit_steps)
        targets = [editable.target(x, given) for x in asked]
        _warn(editable, targets, components)
        was_there = (out / RECORD).exists()
        claim.enter_context(results.claimed(out))
        if not overwrite:
            _check_out(out, summary)
            if (out / RECORD).exists() and not was_there:
                return out  # by a run that this one waited for
        pairs = list(zip(asked, targets, strict=True))
        shots = (
            sweep_shots(editable, pairs, options)
            if sweep
            else [shoot(editable, request, targets[0], options)]
        )
        _clear(out)
        partly = options.keep_background
        if sweep:
            written = beside.submit(_write_sweep, out, shots, partly)
        else:
            placed = editable.portrait.alignment
            written = beside.submit(
                _write_one, out, shots[0], options, photo_u8, placed
            )
        found = [
            edit_record.describe(editable, shot, x)
            for x, shot in zip(asked, shots, strict=True)
        ]
        written.result()
        record = {
            **summary,
            "synthetic": provenance.COMMENT,
            "face_model": face_model_record(values, editable.functions.origins),
            "own": edit_record.units(editable, editable.before.theta),
            "edits" if sweep else "edit": found if sweep else found[0],
        }
        records.write(out / RECORD, record)
    return out


def _place(source: Path) -> Path:
    """Where edits go that have no place of their own."""
    if source.is_file():
        return source.with_name(f"{source.stem}-edits")
    return source / "edits"


def _summary(
    source: Path, request: Request, sweep: Sweep | None, options: Options
) -> dict[str, Any]:
    """What tells this edit from others, for the record."""
    how = dataclasses.asdict(options)
    how["paste_back"] = options.paste_back.name if options.paste_back else None
    record = {"portrait": source.resolve().name, "asked": requests.described(request)}
    if sweep:
        values = [requests.written(amount) for amount in sweep.amounts]
        record["sweep"] = {sweep.name: values}
    return record | {"how": how}


def _check_out(out: Path, wanted: dict[str, Any]) -> None:
    """Raises PieError where other results would be overwritten."""
    there = [name for name in (*PICTURES, RECORD) if (out / name).exists()]
    if not there:
        return
    try:
        record = json.loads((out / RECORD).read_text())
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or any(record.get(k) != wanted[k] for k in wanted):
        raise PieError(
            f"{out} holds {there[0]} of something else; give another --out, or "
            "--overwrite to replace it"
        )


def _clear(out: Path) -> None:
    """Removes an older run's results, which are no longer true."""
    for name in (RECORD, *PICTURES):
        (out / name).unlink(missing_ok=True)


def _write_one(
    out: Path,
    shot: Shot,
    options: Options,
    photo_u8: np.ndarray | None,
    placed: Alignment,
) -> None:
    """`edited.png`, and of a full photograph `pasted.png`."""
    text = provenance.text(partly=options.keep_background)
    images.write_png(out / "edited.png", shot.picture_u8, text=text)
    if options.paste_back and photo_u8 is not None and shot.changed is not None:
        pasted = pasting.paste(photo_u8, placed, shot.picture_u8, shot.changed)
        photo_rgba = images.read_rgba(options.paste_back)
        if photo_rgba is not None:
            pasted = pasting.uncover(photo_u8, photo_rgba, pasted)
        text = provenance.text(partly=True)
        images.write_png(out / "pasted.png", pasted, text=text)


def _photo(path: Path | None, portrait: Portrait, source: Path) -> np.ndarray | None:
    """What to paste on, `[H, W, 3]`: the photograph of the portrait."""
    if path is None:
        return None
    photo_u8 = images.read(path)
    if not source.is_dir():
        logging.warning(
            "%s: whether %s is of this photograph cannot be told from a code alone",
            path,
            source,
        )
    known = portrait.aligned_u8 if source.is_dir() else None  # of a code nobody knows
    try:
        pasting.check_photo(photo_u8, portrait.alignment, known)
    except PieError as error:
        raise PieError(f"{path}: {error}") from error
    return photo_u8


def _write_sweep(out: Path, shots: Sequence[Shot], partly: bool) -> None:
    """`strip.png`, and `sweep.gif` there and back; `sweep.mp4` where PyAV is."""
    size = len(shots[0].picture_u8)
    large, small = (
        [_reduced(shot.picture_u8, max(1, size // side)) for shot in shots]
        for side in (_STRIP, _MOVING)
    )
    strip_u8, text = np.concatenate(large, axis=1), provenance.text(partly=partly)
    images.write_png(out / "strip.png", strip_u8, text=text)
    frames_u8 = np.stack([*small, *small[-2:0:-1]])
    animations.write_gif(
        out / "sweep.gif", frames_u8, _SECONDS * len(frames_u8), provenance.COMMENT
    )
    if animations.writes_mp4():
        film_u8, seconds = (
            np.stack([*large, *large[-2:0:-1]]),
            _SECONDS * len(frames_u8),
        )
        animations.write_mp4(out / "sweep.mp4", film_u8, seconds, provenance.COMMENT)


def _reduced(picture_u8: np.ndarray, factor: int) -> np.ndarray:
    return np.rint(downsample(picture_u8, factor)).astype(np.uint8)


def _warn(
    editable: Editable, targets: Sequence[FaceParams], components: Sequence[str]
) -> None:
    """Tells what lies beyond what the rigs were trained on."""
    for component in components:
        own = getattr(editable.before.theta, component)
        values = np.stack(
            [np.asarray(getattr(target, component))[0] for target in targets]
        )
        changed = np.abs(values - np.asarray(own)) > 1e-5
        low, high = editable.trained(component)
        outside = (changed & ((values < low) | (values > high))).any(axis=0)
        if outside.any():
            what = edit_record.beyond(component, outside, low, high)
            logging.warning("%s; expect less than asked for, or flaws", what)
