"""Runs a training to its end, from wherever it was killed."""

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from experiments.export import rounded
from pie_jax.core.errors import PieError
from pie_jax.io import atomic
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.training.update import Training, TrainState

HISTORY = "history.json"
"""In the training's folder: step, mean loss terms and evaluation at each report; null
stands for a figure that is no number."""


class Task(NamedTuple):
    """A network to train."""

    training: Training
    params: Any
    """Where it begins."""
    given: Any
    """The frozen arrays that its objective takes."""
    batches: Callable[[int], Iterator[Any]]
    """From the first step to the batches from there on."""
    evaluate: Callable[[Any], dict[str, float]]
    """From parameters to figures by name."""
    preview: Callable[[Any, Path], None]
    """`(parameters, file)`, draws a picture."""
    identity: dict[str, Any]
    """Numbers and words by name that tell this training from others: its data, the
    network's size, where it begins."""


def train(
    task: Task, folder: Path, num_steps: int, report_every: int
) -> tuple[Any, dict[str, float | None]]:
    """Trains, and saves and reports every `report_every` steps and at the end.

    Killed at any moment and called again, it ends with the same parameters, bit for
    bit, as an undisturbed run on that machine.

    Args:
        task: the same at every call.
        folder: made if missing: checkpoints, `HISTORY`, `preview-STEP.png`.
        num_steps: of the whole training, at least one.
        report_every: steps.

    Returns:
        The averaged parameters, and their figures as `export` rounds them; None for a
        figure that is no number.

    Raises:
        PieError: the loss, its gradient or the parameters are not finite, or the
            folder holds another training.
    """
    folder.mkdir(parents=True, exist_ok=True)
    atomic.clear(folder)
    identity = {**task.identity, "steps": num_steps}
    with Checkpoints(folder / "checkpoints") as checkpoints:
        state, history = _begin(task, checkpoints, identity)
        step = int(state.step)
        with tqdm(total=num_steps, initial=step, unit="step", smoothing=0.05) as bar:
            report = partial(_report, task, folder, bar)
            # The last report may have been cut short.
            figures = report(state, history) if history else {}
            while step < num_steps:
                end = min(step + report_every, num_steps)
                state, terms = _update(task, bar, state, step, end)
                step = end
                history.append({"step": step} | terms)
                # Before anything that may fail, for the updates are what takes time.
                record = {"history": history, "identity": identity}
                checkpoints.save(step, state, record)
                figures = report(state, history)
    return state.average, figures


def _begin(
    task: Task, checkpoints: Checkpoints, identity: dict[str, Any]
) -> tuple[TrainState, list[dict[str, Any]]]:
    """The last checkpoint, or the beginning."""

    def template(record: dict[str, Any]) -> Any:
        _refuse_another(record.get("identity", {}), identity)
        return jax.eval_shape(task.training.init, task.params)

    saved = checkpoints.latest(template)
    if saved is None:
        return task.training.init(task.params), []
    return saved[0], saved[1]["history"]


def _refuse_another(saved: dict[str, Any], identity: dict[str, Any]) -> None:
    """Raises a `PieError` that lists in what two trainings differ."""
    differing = [
        f"{name} was {saved.get(name)}, now {identity.get(name)}"
        for name in sorted(saved.keys() | identity.keys())
        if saved.get(name) != identity.get(name)
    ]
    if differing:
        raise PieError(
            f"the checkpoint is of another training: {'; '.join(differing)}. Give "
            "what was given then, or choose another folder"
        )


def _update(
    task: Task, bar: tqdm, state: TrainState, step: int, end: int
) -> tuple[TrainState, dict[str, float]]:
    """Updates until step `end`; the new state, and the mean of each term."""
    rows = []
    for _, batch in zip(range(step, end), task.batches(step), strict=False):
        state, terms = task.training.step(state, task.given, batch)
        rows.append({name: float(value) for name, value in terms.items()})
        if bad := [name for name, x in rows[-1].items() if not math.isfinite(x)]:
            raise PieError(
                f"not finite in step {step + len(rows)}: {', '.join(sorted(bad))}"
            )
        bar.set_postfix(rows[-1], refresh=False)
        bar.update()
    if not all(np.all(np.isfinite(x)) for x in jax.tree.leaves(state)):
        raise PieError(f"the parameters are not finite after step {end}")
    return state, {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}


def _report(
    task: Task, folder: Path, bar: tqdm, state: TrainState, history: list[dict]
) -> dict[str, float | None]:
    """Evaluates and draws; the figures, which become part of the history's last row."""
    params = rounded(state.average)
    figures = task.evaluate(params)
    step = history[-1]["step"]
    words = (f"{k} {v:.4g}" for k, v in (history[-1] | figures).items() if k != "step")
    bar.write(f"step {step}: {', '.join(words)}")
    known = {k: v if math.isfinite(v) else None for k, v in figures.items()}
    history[-1] |= known
    with atomic.replacing(folder / HISTORY) as file:
        file.write(json.dumps(history, indent=1, allow_nan=False).encode())
    task.preview(params, folder / f"preview-{step:06d}.png")
    return known
