"""One stage of the optimisation: its start, and a compiled run of several steps."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array

from pie_jax.core.params import Params
from pie_jax.embedding import sampling
from pie_jax.embedding.stages import Stage
from pie_jax.energy.term import Person, Target
from pie_jax.energy.total import Energy


@struct.dataclass
class EmbedState:
    """What the next step needs. All leaves have a leading axis of portraits, B.

    Attributes:
        latent: `[B, 512]`, `[B, num_ws, 512]`, or a dict of the latter, `w_plus`, and of
            the `generator`'s tuned parameters (`networks.tuning`), by the stage.
        opt_state: the optimiser's state.
        step: `[B]` int32, steps done in this stage.
    """

    latent: Any
    opt_state: Any
    step: Array


@struct.dataclass
class StepInfo:
    """What a person wants to see of a step. Leaves are `[steps, B]`.

    Attributes:
        total: the energy before the step.
        terms: its unweighted terms by name.
        finite: whether energy and gradient were finite.
    """

    total: Array
    terms: dict[str, Array]
    finite: Array


class Solver(NamedTuple):
    """Functions of one stage, over a batch of portraits."""

    prepare: Callable[[Params, Target], Any]
    """`(params, portraits) -> references`, leading axis B; the same in every stage."""
    init: Callable[[Array, Array, Any], EmbedState]
    """`(w_plus [B, num_ws, 512], keys [B, 2], params) -> state`; keys as of
    `sampling.keys`."""
    run: Callable[..., tuple[EmbedState, StepInfo]]
    """`(state, params, references, num_steps=n) -> (state, info)`; `num_steps` is static.
    One portrait's result does not depend on the others in the batch."""


@cache
def embedding_solver(energy: Energy, stage: Stage) -> Solver:
    """Builds the solver of one stage; weights and portraits are its arguments.

    Equal arguments give the same solver, so that nothing is compiled anew for the next
    portrait.
    """

    def objective(latent: Any, params: Params, references: Any, v: Person | None):
        tuned = stage.tune(params, latent)
        return energy.value(tuned, references, stage.expand(latent), v)

    def step(state: EmbedState, params: Params, references: Any, v: Person | None):
        (total, terms), grad = jax.value_and_grad(objective, has_aux=True)(
            state.latent, params, references, v
        )
        coordinates = {part: getattr(params, part) for part in stage.needs}
        updates, opt_state = stage.optimizer.update(
            grad, state.opt_state, state.latent, value=total, **coordinates
        )
        finite = jnp.isfinite(total)
        for part in jax.tree.leaves(grad):
            finite &= jnp.all(jnp.isfinite(part))
        latent = optax.apply_updates(state.latent, updates)
        info = StepInfo(total=total, terms=terms, finite=finite)
        return EmbedState(latent, opt_state, state.step + 1), info

    def init(w_plus: Array, key: Array, params: Any) -> EmbedState:
        latent = stage.begin(w_plus, params)
        opt_state = sampling.seed(stage.optimizer.init(latent), key)
        return EmbedState(latent, opt_state, jnp.int32(0))

    def draw(state: EmbedState, params: Params) -> tuple[Person | None, int | None]:
        """v, and the axis over which portraits have their own."""
        keys = sampling.v_key(state.opt_state)
        if stage.draw is None or keys is None:
            return None, None
        if stage.shares_v:
            return stage.draw(params, jax.random.wrap_key_data(keys[0])), None
        return jax.vmap(stage.draw, (None, 0))(
            params, jax.random.wrap_key_data(keys)
        ), 0

    @partial(jax.jit, static_argnames="num_steps")
    def run(
        state: EmbedState,
        params: Params,
        references: Any,
        *,
        num_steps: int,
    ):
        def body(state: EmbedState, _):
            v, axis = draw(state, params)
            return jax.vmap(step, (0, None, 0, axis))(state, params, references, v)

        return jax.lax.scan(body, state, length=num_steps)

    return Solver(
        prepare=jax.jit(jax.vmap(energy.prepare, in_axes=(None, 0))),
        init=jax.jit(jax.vmap(init, in_axes=(0, 0, None))),
        run=run,
    )
