"""Limited-memory BFGS that tries one point in each step, and returns where it is worse.

Nocedal and Wright, "Numerical Optimization" (2006): algorithm 7.4, with the pairs damped
as in procedure 18.2, and the share of a step that is tried as a trust region grows and
shrinks (algorithm 4.1). There is no line search, so that a step is one evaluation, as
with any other optimiser, and portraits of a batch stay in step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

GROWTH, SHRINKAGE = 1.3, 0.5
"""What the size of the steps is multiplied by after a good one, and a poor one."""
GOOD, POOR = 0.75, 0.25
"""A good step brings more than so much of what was predicted, a poor one less."""
LEAST = 0.2
"""Of the curvature that is assumed, a pair is to show so much at least."""


class QuasiNewtonState(NamedTuple):
    """The best point so far, and what is known of the function around it.

    Attributes:
        evaluations: int32, how many there were.
        size: the share of the whole quasi-Newton step that is tried next.
        value: the best point's.
        gradient: likewise, of the latent's shape.
        step: from the best point to the one that is evaluated now.
        predicted: how far that step is to bring the value down; 0 where it was led.
        steps: `[M, ...]`, from the best point to one that was tried, the newest
            first; zero where there was none yet.
        changes: `[M, ...]`, how the gradient changed along each.
    """

    evaluations: Array
    size: Array
    value: Array
    gradient: Array
    step: Array
    predicted: Array
    steps: Array
    changes: Array


def scale_by_quasi_newton(
    num_steps: int, first: float, memory: int = 100
) -> optax.GradientTransformationExtraArgs:
    """Builds the optimiser of one array, in coordinates that curve by about one.

    Its update takes the function's `value`, which must be the same whenever a point is
    evaluated. Subtracted (optax's learning rate of 1), it leads from the point that was
    evaluated to the next one to try; the last one leads to the best point of all.
    Where `led`, the next step is `lead` instead of its own, from which it learns as well.

    Args:
        num_steps: how many updates there will be.
        first: the share of the first step that is tried.
        memory: how many pairs of steps and changes of the gradient are kept at most.
    """
    kept = min(num_steps, memory)

    def init(latent: Array) -> QuasiNewtonState:
        zero, pairs = jnp.zeros_like(latent), jnp.zeros((kept, *latent.shape))
        size, worst, none = (jnp.asarray(x, zero.dtype) for x in (first, jnp.inf, 0))
        return QuasiNewtonState(
            jnp.int32(0), size, worst, zero, zero, none, pairs, pairs
        )

    def update(
        gradient: Array,
        state: QuasiNewtonState,
        params: Array | None = None,
        *,
        value: Array,
        lead: Array | float = 0.0,
        led: Array | bool = False,
    ) -> tuple[Array, QuasiNewtonState]:
        del params  # its differences are known
        better = value < state.value
        step, change = state.step, gradient - state.gradient
        steps = _insert(state.steps, step)
        changes = _insert(state.changes, _damped(step, change))
        size = _resized(state.size, state.value - value, state.predicted)
        gradient = jnp.where(better, gradient, state.gradient)
        evaluations = state.evaluations + 1
        whole = direction(gradient, steps, changes)
        following = jnp.where(led, lead, -size * whole)
        following = jnp.where(evaluations < num_steps, following, 0)
        predicted = (size - size**2 / 2) * jnp.vdot(gradient, whole)
        predicted = jnp.where(led, 0, predicted)
        back = jnp.where(better, 0, -step)  # to the best point
        value = jnp.where(better, value, state.value)
        state = QuasiNewtonState(
            evaluations, size, value, gradient, following, predicted, steps, changes
        )
        return -back - following, state

    return optax.GradientTransformationExtraArgs(init, update)


def direction(gradient: Array, steps: Array, changes: Array) -> Array:
    """The gradient `[...]` times the inverse Hessian that the pairs tell of,
    `[M, ...]`.

    The newest are first; without them the Hessian is one. A pair whose product is not
    positive does not count.
    """
    products = jax.vmap(jnp.vdot)(steps, changes)
    inverse = jnp.where(products > 0, 1 / jnp.where(products > 0, products, 1), 0)

    def before(rest: Array, pair):
        step, change, inverse = pair
        share = inverse * jnp.vdot(step, rest)
        return rest - share * change, share

    def after(found: Array, pair):
        (step, change, inverse), share = pair
        return found + (share - inverse * jnp.vdot(change, found)) * step, None

    pairs = steps, changes, inverse
    rest, shares = jax.lax.scan(before, gradient, pairs)
    found, _ = jax.lax.scan(after, rest, (pairs, shares), reverse=True)
    return found


def _resized(size: Array, gained: Array, predicted: Array) -> Array:
    """The share to try next; the same where nothing was predicted."""
    good, poor = gained > GOOD * predicted, gained < POOR * predicted
    grown = jnp.where(good, jnp.minimum(1.0, GROWTH * size), size)
    resized = jnp.where(poor, SHRINKAGE * size, grown)
    return jnp.where(predicted > 0, resized, size)


def _damped(step: Array, change: Array) -> Array:
    """The change of the gradient, mixed with what was assumed, which is the step."""
    assumed, seen = jnp.vdot(step, step), jnp.vdot(step, change)
    low = seen < LEAST * assumed
    share = (1 - LEAST) * assumed / jnp.where(low, assumed - seen, 1)
    return jnp.where(low, share * change + (1 - share) * step, change)


def _insert(pairs: Array, newest: Array) -> Array:
    return jnp.concatenate([newest[None], pairs[:-1]])
