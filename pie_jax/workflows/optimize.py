"""Runs the schedule on a group of portraits, with a progress bar and checkpoints."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from ml_collections import ConfigDict
from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.embedding import sampling, schedule
from pie_jax.embedding.solver import embedding_solver
from pie_jax.energy.term import Target
from pie_jax.io import images
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.io.codes import CHANGE, Code
from pie_jax.losses.pixel import PAPER_VALUES
from pie_jax.networks import tuning
from pie_jax.stack import assembly
from pie_jax.stack.assembly import Stack
from pie_jax.workflows.watch import Step, Stopped, Watch, nobody


class Diverged(PieError):
    """The same steps would always lead out of all bounds."""


class Optimized(NamedTuple):
    """The outcome of a group of B portraits.

    Attributes:
        codes: `[B]` each, as they are kept (`io.codes.Code`).
        w_plus: `[B, num_ws, 512]`.
        trace: unweighted terms by name, and `total`, each `[steps, B]`.
        standing: the same of the latent, `[B]` (`schedule.standing`).
        seconds: wall time, over all runs if it was resumed.
    """

    codes: Code
    w_plus: Array
    trace: dict[str, np.ndarray]
    standing: dict[str, np.ndarray]
    seconds: float


def optimize(
    stack: Stack,
    portraits: Target,
    label: str,
    checkpoints: Checkpoints | None = None,
    watch: Watch = nobody,
) -> Optimized:
    """Runs all stages, from the last checkpoint if there is one.

    Args:
        stack: functions, stages and their parameters.
        portraits: leaves with a leading axis B.
        label: what the progress bar calls the group.
        checkpoints: of this group; nothing is kept without.
        watch: is told every `config.report_every` steps.

    Raises:
        Stopped: by the watcher; the last checkpoint is of where it was.
        Diverged: the energy or its gradient is not finite.
        PieError: checkpoints cannot be read or written.
    """
    functions, params = stack.functions, stack.params
    config = functions.config
    energy, stages = functions.energy, functions.stages
    w_plus = jax.jit(functions.start)(params, portraits.image)
    keys = sampling.keys(config.seed, portraits.image, shared=config.shares_v)
    progress = schedule.begin(energy, stages, w_plus, keys, params)
    begun = time.monotonic()
    saved = checkpoints and checkpoints.latest(
        lambda record: schedule.resume_template(energy, stages, w_plus, record, params)
    )
    if saved:
        progress, record = saved
        begun -= record["seconds"]
    references = embedding_solver(energy, stages[0]).prepare(params, portraits)
    chunks = schedule.advance(
        energy,
        stages,
        params,
        references,
        progress,
        config.report_every,
        partial(functions.programs.compiled, often=True),
    )

    def save(progress: schedule.Progress) -> None:
        if checkpoints is None:
            return
        seconds = time.monotonic() - begun
        record = schedule.resume_record(progress) | {"seconds": seconds}
        checkpoints.save(progress.steps, progress, record)

    total = sum(stage.num_steps for stage in stages)
    kept = progress.steps
    with tqdm(total=total, initial=kept, desc=label, unit="it", smoothing=0.1) as bar:
        try:
            for progress in chunks:
                standing = schedule.standing(stages, progress)
                bar.set_postfix_str(summary(standing, config), refresh=False)
                bar.update(progress.steps - bar.n)
                if progress.steps - kept >= config.checkpoint_every:
                    kept = progress.steps
                    save(progress)
                try:
                    watch(_step(stack, progress, standing, total))
                except Stopped:
                    if progress.steps > kept:
                        save(progress)
                    raise
        except schedule.Diverged as error:
            raise Diverged(f"{label}: {error}; use a smaller step_size")
    return Optimized(
        codes=_kept(stages[-1].space, progress.state.latent, params.generator),
        w_plus=schedule.to_w_plus(stages, progress),
        trace=progress.trace,
        standing=schedule.standing(stages, progress),
        seconds=time.monotonic() - begun,
    )


def _step(
    stack: Stack, progress: schedule.Progress, standing: Mapping, total: int
) -> Step:
    functions, params = stack.functions, stack.params

    def picture() -> np.ndarray:
        stages = functions.stages
        space, latent = stages[progress.stage].space, progress.state.latent
        change = _kept(space, latent, params.generator).get(CHANGE)
        w_plus = schedule.to_w_plus(stages, progress)[:1]
        own = assembly.tuned(stack, None if change is None else _first(change)).params
        synthesis = assembly.synthesis(functions.generator, functions.programs)
        return images.to_u8(np.asarray(synthesis(own.generator, w_plus))[0])

    return Step(progress.steps, total, _terms(standing, functions.config), picture)


def _first(change: Any) -> Any:
    return jax.tree.map(lambda x: x[0], change)


def _kept(space: str, latent: Any, generator: Any) -> Code:
    """The code of the last stage's latent."""
    if space != "generator":
        return {space: np.asarray(latent)}
    change = tuning.change(generator, latent["generator"])
    return {"w_plus": np.asarray(latent["w_plus"]), CHANGE: change}


def summary(standing: Mapping[str, np.ndarray], config: ConfigDict) -> str:
    """The weighted terms and the PSNR, means over the group."""
    terms = _terms(standing, config)
    parts = [f"E {terms.pop('total'):.4g}"]
    decibel = terms.pop(PSNR, None)
    parts += [f"{k} {x:.4g}" for k, x in terms.items()]
    parts += [] if decibel is None else [f"{PSNR} {decibel:.2f}"]
    return ", ".join(parts)


PSNR = "PSNR"


def _terms(standing: Mapping[str, np.ndarray], config: ConfigDict) -> dict[str, float]:
    """Means over the group: the weighted terms, `total`, and the PSNR in dB."""
    means = {k: float(v.mean()) for k, v in standing.items()}
    terms = {k: v if k == "total" else config.energy[k] * v for k, v in means.items()}
    if "pixel" in standing:
        terms[PSNR] = float(psnr(standing["pixel"]).mean())
    return terms


def psnr(pixel: np.ndarray) -> np.ndarray:
    """PSNR in dB from values of the energy's term of that name."""
    return 10 * np.log10(255.0**2 * PAPER_VALUES / np.maximum(pixel, 1e-9))
