"""Embeds photographs group by group: reads them, optimises, writes the results."""

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from pie_jax import __version__
from pie_jax.core.errors import PieError, explain
from pie_jax.io import atomic, images, locks, plots, results
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.io.codes import CHANGE
from pie_jax.networks import tuning
from pie_jax.photos import portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import assembly, fetch, uses
from pie_jax.stack.assembly import Stack
from pie_jax.stack.load import identities, load
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.stack.uses import needs_landmarks
from pie_jax.workflows import own_rig
from pie_jax.workflows.measure import measure
from pie_jax.workflows.optimize import Diverged, Optimized, optimize, psnr
from pie_jax.workflows.watch import Stopped, Watch, nobody

_log = logging.getLogger(__name__)

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
    problems: list[str] = field(default_factory=list)


def embed_photos(
    photos: Sequence[Path],
    out: Path,
    config: ConfigDict,
    *,
    face: int | None = None,
    aligned: bool = False,
    overwrite: bool = False,
    watch: Watch = nobody,
) -> Outcome:
    """Embeds photographs into `out / stem`.

    A photograph that fails, for whatever reason, is reported on stderr and left out; the
    others are embedded as if it had not been named. Finished results are left as they
    are, unless `overwrite` is set. Runs may share `out`: what another is at comes last.
    `watch` is told every `config.report_every` steps, and what it stops can be resumed.

    Raises:
        Stopped: by the watcher.
        PieError: nothing can be embedded: the configuration, the weights or the
            output folder are wrong, or two photographs have the same stem.
    """
    photos = list(dict.fromkeys(photos))  # which a shell's *.jpg may name again
    _check_stems(photos)
    for name in _COUNTS:
        if config[name] < 1:
            raise PieError(f"config.{name} is {config[name]}; it must be at least 1")
    with results.folder(out):
        try:
            return _embed_photos(photos, out, config, face, aligned, overwrite, watch)
        finally:
            results.remove_if_empty(out / _PROGRESS)


def _embed_photos(
    photos: Sequence[Path],
    out: Path,
    config: ConfigDict,
    face: int | None,
    aligned: bool,
    overwrite: bool,
    watch: Watch,
) -> Outcome:
    if needs_landmarks(config) or not aligned:
        fetch.ensure(LANDMARKS68)
    stack = load(config, uses.EMBED)
    outcome = Outcome(folders=[], failed=[])

    def fail(photo: Path, error: Exception) -> None:
        outcome.failed.append(photo)
        say = explain(error)
        say = say if str(photo) in say else f"{photo}: {say}"
        outcome.problems.append(say)
        tqdm.write(f"pie: {say}", file=sys.stderr)  # above the progress bar
        _log.debug("It happened here:", exc_info=error)

    def jobs(photos: Sequence[Path]) -> Iterator[Job]:
        for photo in photos:
            try:
                job = _job(photo, out, stack, face, aligned, overwrite)
            except Exception as error:  # noqa: BLE001  one photograph ends no batch
                fail(photo, error)
            else:
                yield job

    def attempt(group: list[Job], wait: bool) -> bool:
        """False where another run has one of them."""
        try:
            if not _embed_group(group, out, stack, overwrite, wait, watch):
                return False
            outcome.folders.extend(job.folder for job in group)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001
            if len(group) > 1:  # which of them it is shows when each is alone
                for job in group:
                    attempt([job], wait=True)
            else:
                fail(group[0].photo, error)
        return True

    for wait in (False, True):
        busy: list[Path] = []
        for group in _groups(jobs(photos), config.batch_size):
            if not attempt(group, wait):
                busy += [job.photo for job in group]
        photos = busy
    if own_rig.COMPONENT in stack.params.rigs:  # embedded to have their heads turned
        made = own_rig.make_all(outcome.folders, stack, config, watch)
        for folder, error in made.items():
            problem = f"{folder}: no rig of its own: {explain(error)}"
            outcome.problems.append(problem)
            tqdm.write(f"pie: {problem}", file=sys.stderr)
            _log.debug("It happened here:", exc_info=error)
    return outcome


def _check_stems(photos: Sequence[Path]) -> None:
    by_stem: dict[str, Path] = {}
    for photo in photos:
        if photo.stem in (".", ".."):
            raise PieError(f"{photo}: no folder can be called {photo.stem}; rename it")
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
    _is_done(job, overwrite)
    return job


def _is_done(job: Job, overwrite: bool) -> bool:
    """Whether there is nothing to do; PieError where another result is in the way."""
    state = "absent" if overwrite else results.state(job.folder, job.key)
    if state == "other":
        raise PieError(
            f"{job.folder} holds the result of another configuration or photograph; "
            "give another --out, or replace it by `pie embed --overwrite`"
        )
    return state == "done"


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


def _embed_group(
    group: list[Job],
    out: Path,
    stack: Stack,
    overwrite: bool,
    wait: bool,
    watch: Watch,
) -> bool:
    """Embeds a group, unless another run has one of them and `wait` is not set."""
    label = group[0].folder.name + (f" +{len(group) - 1}" if len(group) > 1 else "")
    place = out / _PROGRESS / _group_key(group, stack.functions.config)
    left = place.exists() or _listing(place).exists()
    tidy = not left and all(results.is_tidy(job.folder) for job in group)
    with ExitStack() as contexts:
        # In one order, lest two runs wait for each other.
        for job in sorted(group, key=lambda job: job.folder):
            if tidy and _is_done(job, overwrite):
                continue  # its folder may be read-only
            if not contexts.enter_context(results.claimed(job.folder, wait=wait)):
                tqdm.write(f"{label}: another run is at it, so it comes last")
                return False
        todo = [job for job in group if not _is_done(job, overwrite)]
        if not todo:
            shutil.rmtree(place, ignore_errors=True)
            _clear_progress(group, place)
            tqdm.write(f"{label}: done already")
            return True
        contexts.enter_context(_listed(group, place))
        checkpoints = contexts.enter_context(Checkpoints(place))
        _embed(group, todo, label, checkpoints, stack, watch)
        checkpoints.delete()
        _clear_progress(group, place)
    return True


def _listing(place: Path) -> Path:
    """Says which portraits the checkpoints in a folder are of."""
    return place.with_name(f"{place.name}.portraits")


@contextmanager
def _listed(group: list[Job], place: Path) -> Iterator[None]:
    """Keeps the listing of a group for as long as there are checkpoints."""
    names = json.dumps([job.folder.name for job in group])
    with atomic.explained(_listing(place)):
        locks.write(_listing(place), names.encode())
    try:
        yield
    finally:
        if not place.exists():
            _listing(place).unlink(missing_ok=True)


def _clear_progress(group: list[Job], place: Path) -> None:
    """Removes what killed runs of other settings left of portraits that are done.

    Of `group`, which this run claims, no other run can be at any.
    """
    ours = {job.folder.name for job in group}
    for listing in place.parent.glob("*.portraits"):
        try:
            names = json.loads(listing.read_bytes())
        except (OSError, ValueError):
            continue  # another run has just removed it, or begins
        out = place.parents[1]
        if ours & {*names} and all((out / x / results.METRICS).exists() for x in names):
            shutil.rmtree(listing.with_suffix(""), ignore_errors=True)
            listing.unlink(missing_ok=True)


def _embed(
    group: list[Job],
    todo: list[Job],
    label: str,
    checkpoints: Checkpoints,
    stack: Stack,
    watch: Watch,
) -> None:
    """Embeds a group and writes those that are `todo`."""
    resolution = stack.functions.generator.resolution
    batch = portraits.to_targets((job.portrait for job in group), resolution)
    try:
        optimized = optimize(stack, batch, label, checkpoints, watch)
        for i, job in enumerate(group):
            if job in todo:
                _write(i, job, optimized, stack)
    except Diverged:
        checkpoints.delete()  # it would happen again
        raise


def _group_key(group: list[Job], config: ConfigDict) -> str:
    """Checkpoints belong to the same portraits in the same chunks of steps."""
    record = [config.report_every, *(job.key for job in group)]
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()[:20]


def _write(i: int, job: Job, optimized: Optimized, stack: Stack) -> None:
    functions, params = stack.functions, stack.params
    config, stages = functions.config, functions.stages
    synthesis = assembly.synthesis(functions.generator, functions.programs)
    code = jax.tree.map(lambda x: x[i], optimized.codes)
    # As it is kept: 16 bits for each number that the generator was changed by.
    generator = tuning.changed(params.generator, code.get(CHANGE))
    projection = synthesis(generator, optimized.w_plus[i : i + 1])[0]
    if not np.isfinite(projection).all():
        raise Diverged(
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
        code,
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
