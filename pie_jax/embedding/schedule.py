"""All stages one after another, in chunks of steps, resumable between any two chunks."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from pie_jax.core.params import Params
from pie_jax.embedding import sampling
from pie_jax.embedding.solver import EmbedState, Solver, StepInfo, embedding_solver
from pie_jax.embedding.stages import Stage
from pie_jax.energy.total import Energy


@struct.dataclass
class Progress:
    """Where an embedding of B portraits stands.

    Attributes:
        state: the solver's state in the present stage.
        trace: what happened so far: `total`, and the unweighted terms by name, each
            `[steps, B]` over all stages; on the host.
        stage: index of the present stage.
    """

    state: EmbedState
    trace: dict[str, np.ndarray]
    stage: int = struct.field(pytree_node=False)

    @property
    def steps(self) -> int:
        """Steps done over all stages."""
        return len(self.trace["total"])


class Diverged(ArithmeticError):
    """The energy or its gradient is not finite; the message says in which step."""


Compiled = Callable[[Callable, str, Callable[..., Any]], Callable]
"""`(function, name, like) -> function`, compiled: the name is unique, and `like` gives,
from the arguments, the structure of what the function gives."""


def _as_it_is(function: Callable, name: str, like: Callable[..., Any]) -> Callable:
    del name, like
    return function


def _outcome(state: EmbedState, params: Params, references: dict) -> Any:
    """The structure of what a stage's steps give."""
    del params
    terms: dict[str, Any] = dict.fromkeys(references, 0)
    info: Any = StepInfo(total=0, terms=terms, finite=0)  # type: ignore[arg-type]
    return state, info


def begin(
    energy: Energy, stages: Sequence[Stage], w_plus: Array, keys: Array, params: Any
) -> Progress:
    """The progress before the first of at least one stage, which starts at `w_plus`
    `[B, num_ws, 512]`; what is random follows from `keys` `[B, 2]` (`sampling.keys`)."""
    state = embedding_solver(energy, stages[0]).init(w_plus, keys, params)
    return Progress(state, {"total": np.zeros((0, len(w_plus)), np.float32)}, stage=0)


def advance(
    energy: Energy,
    stages: Sequence[Stage],
    params: Params,
    references: Any,
    progress: Progress,
    report_every: int,
    compiled: Compiled = _as_it_is,
) -> Iterator[Progress]:
    """Yields the progress after every chunk of steps, until the last stage's end.

    A stage is compiled for one length of chunk: the greatest that divides both
    `report_every` and the stage. So wherever a run is taken up again, the same
    programs make the same steps. What is random follows from the progress, too.

    Args:
        params: the networks' parameters.
        references: `energy.prepare` of each portrait, leading axis B.
        progress: from `begin`, or any that was yielded before.
        report_every: steps.
        compiled: makes a program of a stage's steps.

    Raises:
        Diverged: the energy or its gradient is not finite.
    """
    for index in range(progress.stage, len(stages)):
        stage = stages[index]
        solver = embedding_solver(energy, stage)
        if index > progress.stage:
            state = _next_stage(solver, stages, progress, params)
            progress = Progress(state, progress.trace, index)
        chunk = math.gcd(report_every, stage.num_steps)
        run = compiled(
            partial(solver.run, num_steps=chunk), f"stage {index} by {chunk}", _outcome
        )
        for _ in range(int(progress.state.step[0]), stage.num_steps, chunk):
            state, info = run(progress.state, params, references)
            progress = Progress(state, _extend(progress, info), index)
            yield progress


def _next_stage(
    solver: Solver, stages: Sequence[Stage], progress: Progress, params: Any
) -> EmbedState:
    """The first state of the next stage, which goes on drawing where this one stands."""
    w_plus, earlier = to_w_plus(stages, progress), progress.state.opt_state
    unused = jnp.zeros((len(w_plus), 2), jnp.uint32)
    state = solver.init(w_plus, unused, params)
    opt_state = sampling.carry(state.opt_state, earlier)
    return dataclasses.replace(state, opt_state=opt_state)


def to_w_plus(stages: Sequence[Stage], progress: Progress) -> Array:
    """The codes as they stand, `[B, num_ws, 512]`."""
    return jax.vmap(stages[progress.stage].expand)(progress.state.latent)


def standing(stages: Sequence[Stage], progress: Progress) -> dict[str, np.ndarray]:
    """The energy and its unweighted terms as they stand, by name, `[B]` each: before
    the last step, or of the best one, where the stage leads back to it."""
    trace = progress.trace
    if not stages[progress.stage].keeps_best:
        return {name: values[-1] for name, values in trace.items()}
    begun = sum(stage.num_steps for stage in stages[: progress.stage])
    best = begun + trace["total"][begun:].argmin(axis=0)
    return {name: values[best, np.arange(len(best))] for name, values in trace.items()}


def resume_template(
    energy: Energy,
    stages: Sequence[Stage],
    w_plus: Array,
    record: dict[str, Any],
    params: Any,
) -> Progress:
    """Shapes and types of a saved progress, for reading it back.

    Args:
        w_plus: `[B, num_ws, 512]`.
        record: what `resume_record` gave when the progress was saved.
        params: the networks' parameters.
    """
    solver = embedding_solver(energy, stages[record["stage"]])
    keys = jax.ShapeDtypeStruct((len(w_plus), 2), jnp.uint32)
    state = jax.eval_shape(solver.init, w_plus, keys, params)
    row = jax.ShapeDtypeStruct((record["steps"], len(w_plus)), jnp.float32)
    trace: dict[str, Any] = {name: row for name in record["trace"]}
    return Progress(state, trace, stage=record["stage"])


def resume_record(progress: Progress) -> dict[str, Any]:
    """What `resume_template` must know, JSON-able."""
    return {
        "stage": progress.stage,
        "steps": progress.steps,
        "trace": sorted(progress.trace),
    }


def _extend(progress: Progress, info: StepInfo) -> dict[str, np.ndarray]:
    finite = np.asarray(info.finite)
    if not finite.all():
        step = progress.steps + int(np.argmin(finite.all(axis=1)))
        raise Diverged(f"the energy or its gradient is not finite in step {step}")
    new = {"total": info.total, **info.terms}
    old = progress.trace
    empty = old["total"][:0]
    return {
        k: np.concatenate([old.get(k, empty), np.asarray(v)]) for k, v in new.items()
    }
