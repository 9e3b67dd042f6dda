"""One update of a network's parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array

Objective = Callable[[Any, Any, Array, Any], tuple[Array, dict[str, Array]]]
"""`(params, given, key, batch) -> (loss, terms)`; `given` are frozen arrays, `key` is
for random variations of the batch, `terms` are for people."""


@struct.dataclass
class TrainState:
    """What the next update needs.

    Attributes:
        params: being trained.
        average: their running mean, which is what is used afterwards.
        opt_state: the optimiser's state.
        step: int32, updates done.
    """

    params: Any
    average: Any
    opt_state: Any
    step: Array


class Training(NamedTuple):
    """Functions of one training."""

    init: Callable[[Any], TrainState]
    """`params -> state`."""
    step: Callable[[TrainState, Any, Any], tuple[TrainState, dict[str, Array]]]
    """`(state, given, batch) -> (state, terms)`, compiled; depends on nothing else.
    The terms are the objective's, and `gradient`, its length before clipping."""


def adamw(num_steps: int, step_size: float) -> optax.GradientTransformation:
    """AdamW with clipped gradients: a short rise to `step_size`, then a cosine to zero.

    Only kernels decay. To pull scales and shifts to zero would be to pull a network to
    other outputs, not to a simpler function.
    """
    rise = min(500, num_steps // 10)
    schedule = optax.warmup_cosine_decay_schedule(0.0, step_size, rise, num_steps)
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(schedule, weight_decay=0.02, mask=_kernels),
    )


def _kernels(params: Any) -> Any:
    """True for the leaves that linen modules call `kernel`."""
    kernel = jax.tree_util.DictKey("kernel")
    return jax.tree_util.tree_map_with_path(
        lambda path, _: path[-1:] == (kernel,), params
    )


def training(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    seed: int = 0,
    memory: float = 0.999,
) -> Training:
    """Builds the functions of a training.

    Args:
        objective: what is minimised.
        optimizer: an optax chain.
        seed: of the random variations.
        memory: of the running mean; shorter in the first updates.
    """

    def init(params: Any) -> TrainState:
        return TrainState(params, params, optimizer.init(params), jnp.int32(0))

    @jax.jit
    def step(state: TrainState, given: Any, batch: Any):
        key = jax.random.fold_in(jax.random.key(seed), state.step)
        grad, terms = jax.grad(objective, has_aux=True)(state.params, given, key, batch)
        updates, opt_state = optimizer.update(grad, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        kept = jnp.minimum(memory, (1 + state.step) / (10 + state.step))
        average = optax.incremental_update(params, state.average, 1 - kept)
        squares = jax.tree.map(lambda x: jnp.sum(x**2), grad)
        terms = terms | {"gradient": jnp.sqrt(sum(jax.tree.leaves(squares)))}
        return TrainState(params, average, opt_state, state.step + 1), terms

    return Training(jax.jit(init), step)
