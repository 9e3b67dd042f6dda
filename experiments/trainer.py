"""Runs a training to its end, from wherever it was killed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.io import atomic
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.training.update import Training, TrainState

HISTORY = "history.json"
"""In the training's folder: step, mean loss terms and evaluation at each report."""


class Task(NamedTuple):
    """A network to train.

    Attributes:
        training: its functions.
        params: where it begins.
        given: the frozen arrays that its objective takes.
        batches: from the first step to the batches from there on.
        evaluate: from the averaged parameters to figures by name.
        preview: `(averaged parameters, file)`, draws a picture.
    """

    training: Training
    params: Any
    given: Any
    batches: Callable[[int], Iterator[Any]]
    evaluate: Callable[[Any], dict[str, float]]
    preview: Callable[[Any, Path], None]


def train(task: Task, folder: Path, num_steps: int, report_every: int) -> Any:
    """Trains, and reports and saves every `report_every` steps and at the end.

    Killed at any moment and called again, it ends with the same parameters, bit for
    bit, as an undisturbed run on that machine.

    Args:
        task: the same at every call.
        folder: made if missing: checkpoints, `HISTORY`, `preview-STEP.png`.
        num_steps: of the whole training.
        report_every: steps.

    Returns:
        The averaged parameters.

    Raises:
        PieError: the loss is not finite, or the checkpoint is of another length.
    """
    folder.mkdir(parents=True, exist_ok=True)
    atomic.clear(folder)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        state, history = _begin(task, checkpoints, num_steps)
        step = int(state.step)
        with tqdm(total=num_steps, initial=step, unit="step", smoothing=0.05) as bar:
            while step < num_steps:
                end = min(step + report_every, num_steps)
                state, terms = _run(task, state, step, end, bar)
                step = end
                figures = task.evaluate(state.average)
                history.append({"step": step} | terms | figures)
                _report(task, state, folder, history, bar)
                record = {"history": history, "num_steps": num_steps}
                checkpoints.save(step, state, record)
    return state.average


def _begin(
    task: Task, checkpoints: Checkpoints, num_steps: int
) -> tuple[TrainState, list[dict[str, float]]]:
    """The last checkpoint, or the beginning."""
    layout = jax.eval_shape(task.training.init, task.params)
    saved = checkpoints.latest(lambda record: layout)
    if saved is None:
        return task.training.init(task.params), []
    state, record = saved
    if record["num_steps"] != num_steps:
        raise PieError(
            f"the checkpoint is of a training of {record['num_steps']} steps, not of "
            f"{num_steps}; step sizes depend on that. Choose another folder"
        )
    return state, record["history"]


def _run(
    task: Task, state: TrainState, step: int, end: int, bar: tqdm
) -> tuple[TrainState, dict[str, float]]:
    """Updates until step `end`; the new state, and the mean of each term."""
    rows = []
    for _, batch in zip(range(step, end), task.batches(step), strict=False):
        state, terms = task.training.step(state, task.given, batch)
        rows.append({name: float(value) for name, value in terms.items()})
        if not all(np.isfinite(list(rows[-1].values()))):
            raise PieError(f"the loss is not finite in step {step + len(rows)}")
        bar.set_postfix(rows[-1], refresh=False)
        bar.update()
    return state, {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}


def _report(
    task: Task, state: TrainState, folder: Path, history: list, bar: tqdm
) -> None:
    step = history[-1]["step"]
    words = (f"{k} {v:.4g}" for k, v in history[-1].items() if k != "step")
    bar.write(f"step {step}: {', '.join(words)}")
    task.preview(state.average, folder / f"preview-{step:06d}.png")
    with atomic.replacing(folder / HISTORY) as file:
        file.write(json.dumps(history, indent=1).encode())
