"""Embeds photographs group by group: reads them, optimises, writes the results."""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from pie_jax import __version__
from pie_jax.core.errors import PieError
from pie_jax.io import images, plots, results
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.photos import portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import assembly, fetch, uses
from pie_jax.stack.assembly import Stack
from pie_jax.stack.load import identities, load
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.stack.uses import needs_landmarks
from pie_jax.workflows.measure import measure
from pie_jax.workflows.optimize import Optimized, optimize, psnr

_COUNTS = ("batch_size", "report_every", "checkpoint_every")
"""Values of the configuration that say how to run, not what to compute."""

_PROGRESS = ".progress"
"""Folder of the checkpoints of unfinished portraits, among the results."""


@dataclass(frozen=True)
class Job:
    """A photograph that could be read, and where its results go."""

    photo: Path
    folder: Path
    portrait: Portrait
    key: str


@dataclass(frozen=True)
class Outcome:
    """What became of the photographs."""

    folders: list[Path]
    failed: list[Path]


def embed_photos(
    photos: Sequence[Path],
    out: Path,
    config: ConfigDict,
    *,
    face: int | None = None,
    aligned: bool = False,
    overwrite: bool = False,
) -> Outcome:
    """Embeds photographs into `out / stem`.

    A photograph that cannot be read is reported on stderr and left out; the others
    are embedded as if it had not been named. Finished results are left as they are.

    Raises:
        PieError: nothing can be embedded: the configuration, the weights or the
            output folder are wrong, or two photographs have the same stem.
    """
    _check_stems(photos)
    for name in _COUNTS:
        if config[name] < 1:
            raise PieError(f"config.{name} is {config[name]}; it must be at least 1")
    with results.folder(out):
        try:
            return _embed_photos(photos, out, config, face, aligned, overwrite)
        finally:
            results.remove_if_empty(out / _PROGRESS)


def _embed_photos(
    photos: Sequence[Path],
    out: Path,
    config: ConfigDict,
    face: int | None,
    aligned: bool,
    overwrite: bool,
) -> Outcome:
    if needs_landmarks(config) or not aligned:
        fetch.ensure(LANDMARKS68)
    stack = load(config, uses.EMBED)
    outcome = Outcome(folders=[], failed=[])

    def jobs() -> Iterator[Job]:
        for photo in photos:
            try:
                yield _job(photo, out, stack, face, aligned, overwrite)
            except PieError as error:
                outcome.failed.append(photo)
                say = str(error) if str(photo) in str(error) else f"{photo}: {error}"
                _report(say)

    def attempt(group: list[Job]) -> None:
        try:
            _embed_group(group, out, stack)
            outcome.folders.extend(job.folder for job in group)
        except PieError as error:
            if len(group) > 1:  # which of them it is shows when each is alone
                for job in group:
                    attempt([job])
            else:
                outcome.failed.append(group[0].photo)
                _report(error)

    for group in _groups(jobs(), config.batch_size):
        attempt(group)
    return outcome


def _report(message: object) -> None:
    """Says on stderr why a photograph was left out, above the progress bar."""
    tqdm.write(f"pie: {message}", file=sys.stderr)


def _check_stems(photos: Sequence[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for photo in photos:
        # Some file systems take Anna and anna for one name.
        other = by_stem.setdefault(photo.stem.casefold(), photo)
        if other is not photo:
            raise PieError(
                f"{other} and {photo} would both be written to {photo.stem}/; rename "
                "one, or embed them into different folders"
            )


def _job(
    photo: Path,
    out: Path,
    stack: Stack,
    face: int | None,
    aligned: bool,
    overwrite: bool,
) -> Job:
    if aligned:
        wanted = needs_landmarks(stack.functions.config)
        portrait = portraits.load_aligned(photo, face, landmarks=wanted)
    else:
        portrait = portraits.load_portrait(photo, face)
    job = Job(photo, out / photo.stem, portrait, _key(stack, portrait))
    if results.state(job.folder, job.key) == "other" and not overwrite:
        raise PieError(
            f"{job.folder} holds the result of another configuration or photograph; "
            "give another --out, or --overwrite to replace it"
        )
    return job


def _key(stack: Stack, portrait: Portrait) -> str:
    """Identifies what a result depends on: program, configuration, weights, photo."""
    config, origins = stack.functions.config, stack.functions.origins
    # Of a file of weights its content counts, not its place.
    values = {k: v for k, v in config.items() if k not in (*_COUNTS, "files")}
    record = [__version__, repr(values), *identities(config, origins)]
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    digest.update(portrait.aligned_u8.tobytes())
    digest.update(json.dumps(portrait.alignment.to_dict()).encode())
    return digest.hexdigest()


def _groups(jobs: Iterator[Job], size: int) -> Iterator[list[Job]]:
    group: list[Job] = []
    for job in jobs:
        group.append(job)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _embed_group(group: list[Job], out: Path, stack: Stack) -> None:
    label = group[0].folder.name + (f" +{len(group) - 1}" if len(group) > 1 else "")
    if all(results.state(job.folder, job.key) == "done" for job in group):
        tqdm.write(f"{label}: done already")
        return
    config = stack.functions.config
    resolution = stack.functions.generator.resolution
    batch = jax.tree.map(
        lambda *x: jnp.stack(x),
        *(portraits.to_target(job.portrait, resolution) for job in group),
    )
    with ExitStack() as contexts:
        for job in group:
            contexts.enter_context(results.folder(job.folder))
        place = out / _PROGRESS / _group_key(group, config)
        checkpoints = contexts.enter_context(Checkpoints(place))
        optimized = optimize(stack, batch, label, checkpoints)
        for i, job in enumerate(group):
            if results.state(job.folder, job.key) != "done":
                _write(i, job, optimized, stack)
        checkpoints.delete()


def _group_key(group: list[Job], config: ConfigDict) -> str:
    """Checkpoints belong to the same portraits in the same chunks of steps."""
    record = [config.report_every, *(job.key for job in group)]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:20]


def _write(i: int, job: Job, optimized: Optimized, stack: Stack) -> None:
    functions, params = stack.functions, stack.params
    config, stages = functions.config, functions.stages
    synthesis = assembly.synthesis(functions.generator, functions.programs)
    projection = synthesis(params.generator, optimized.w_plus[i : i + 1])[0]
    if not np.isfinite(projection).all():
        raise PieError(
            f"{job.photo}: the last step led out of all bounds; use a smaller step_size"
        )
    projection_u8 = images.to_u8(np.asarray(projection))
    trace = {k: v[:, i] for k, v in optimized.trace.items() if k != "total"}
    measured = {
        **measure(projection_u8, job.portrait, stack),
        "iterations": len(optimized.trace["total"]),
        "seconds": round(optimized.seconds, 2),
        "terms": {k: float(optimized.standing[k][i]) for k in trace},
        "key": job.key,
    }
    weighted = {k: config.energy[k] * v for k, v in trace.items()}
    ends = np.cumsum([stage.num_steps for stage in stages])[:-1]
    results.write(
        job.folder,
        job.portrait.aligned_u8,
        projection_u8,
        {stages[-1].space: optimized.latent[i]},
        {
            "generator": config.generator,
            "files": functions.origins,
            "config": json.loads(config.to_json_best_effort()),
            "alignment": job.portrait.alignment.to_dict(),
            "photo": job.photo.name,
        },
        measured,
        plots.convergence(
            weighted, psnr(trace["pixel"]) if "pixel" in trace else None, ends
        ),
    )
    tqdm.write(f"{job.folder}: {_line(measured)}")


def _line(measured: dict[str, Any]) -> str:
    line = f"PSNR {measured['psnr']:.2f} dB, SSIM {measured['ssim']:.3f}"
    if measured["recognition_distance"] is not None:
        line += f", recognition distance {measured['recognition_distance']:.3f}"
    return f"{line}, {measured['seconds']:.0f} s"
