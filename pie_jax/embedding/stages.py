"""The schedule as data: which latent is optimised, how long, and by what."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from pie_jax.core.numerics import matmul
from pie_jax.core.params import Params
from pie_jax.embedding import sampling
from pie_jax.embedding.curvature import rescale
from pie_jax.embedding.quasi_newton import QuasiNewtonState, scale_by_quasi_newton
from pie_jax.energy.people import Draw
from pie_jax.networks import tuning

LED, LED_SIZE = 6, 0.06
"""By how many steps of Adam "quasi_newton" is led at first, and their largest size, in
standard deviations. Without them it ends in poor valleys, with outlines where hair should
be; more of them cost some likeness (docs/measurements.md)."""


class Stage(NamedTuple):
    """One stage of the optimisation.

    Attributes:
        space: "w" (one vector for all style inputs), "w_plus" (one for each), or
            "generator" (the code stays, and the generator's parameters are tuned).
        num_steps: iterations.
        optimizer: an optax chain; its update takes the energy's `value`, and `needs`
            by name.
        expand: latent -> w_plus `[num_ws, 512]`.
        begin: w_plus, parameters -> the stage's first latent.
        tune: parameters, latent -> parameters, with the generator as the latent has it.
        needs: parts of the parameters that tell its coordinates: `latents` (from
            `pie_jax.networks.latents.moments`), `curvature`.
        keeps_best: whether the last step leads to the best latent of all, for which the
            energy must be the same whenever it is evaluated.
        draw: the sampler of v, whose key is in the optimizer's state
            (`embedding.sampling`); None where no term needs one.
        shares_v: whether all portraits of a batch see the same v, which is made once
            for all then; else each has its own.
    """

    space: str
    num_steps: int
    optimizer: optax.GradientTransformationExtraArgs
    expand: Callable[[Any], Array]
    begin: Callable[[Array, Any], Any]
    tune: Callable[[Any, Any], Any] = lambda params, latent: params
    needs: tuple[str, ...] = ()
    keeps_best: bool = False
    draw: Draw | None = None
    shares_v: bool = True


def stage(
    space: str,
    num_steps: int,
    optimizer: str,
    step_size: float,
    schedule: str,
    num_ws: int,
    coordinates: str = "w",
    draw: Draw | None = None,
    shares_v: bool = True,
) -> Stage:
    """Builds a stage from plain values, as a configuration has them.

    Args:
        space: "w", "w_plus" or "generator".
        num_steps: iterations of the stage.
        optimizer: "adadelta" (the paper's, TensorFlow's defaults), "adam",
            "adam_short" for a few hundred steps, which forgets old gradients sooner,
            "adam_blocks", whose steps are shares of each block of parameters' root mean
            square, or "quasi_newton" for less than a hundred; in coordinates "curvature"
            Adam makes its first steps, `LED` of them.
        step_size: the largest learning rate of the stage; of "quasi_newton" the share
            of the first step that is tried.
        schedule: "exponential" (the paper's: a tenth after 2000 steps), "cosine" (to
            zero at the end of the stage), "plateau" (a short rise, constant for
            most of the stage, then the cosine), or "adaptive" of "quasi_newton".
        num_ws: the generator's number of style inputs.
        coordinates: "w" (the paper's), "principal": the optimiser sees, and steps
            in, standard deviations along the principal axes of w, or "curvature": these
            rescaled, so that the energy curves about equally in all directions.
        draw: as of `Stage`.
        shares_v: likewise.

    Raises:
        ValueError: a name that is not one of those, two that do not go together, or no
            step at all.
    """
    if num_steps < 1:
        raise ValueError(f"num_steps is {num_steps}; a stage has at least one step")
    if coordinates == "curvature" and space != "w_plus":
        raise ValueError("coordinates 'curvature' are those of space 'w_plus'")
    if coordinates != "w" and space == "generator":
        raise ValueError("space 'generator' has no coordinates but 'w'")
    if optimizer == "quasi_newton" and space == "generator":
        raise ValueError("optimizer 'quasi_newton' is for codes, not space 'generator'")
    if optimizer == "adam_blocks" and space != "generator":
        raise ValueError("optimizer 'adam_blocks' is for space 'generator'")
    if (optimizer == "quasi_newton") != (schedule == "adaptive"):
        raise ValueError(
            f"optimizer is {optimizer!r} and schedule {schedule!r}; 'quasi_newton' and "
            "'adaptive' go together"
        )
    learning_rate = _choose("schedule", schedule, _SCHEDULES)(step_size, num_steps)
    expand, begin, tune = _choose("space", space, _SPACES)
    change, needs = _choose("coordinates", coordinates, _COORDINATES)
    build = _choose("optimizer", optimizer, _OPTIMIZERS)
    if optimizer == "quasi_newton" and coordinates == "curvature":
        changed = _along_axes(_led(build(num_steps, step_size)))
    else:
        changed = change(build(num_steps, step_size))
    links = [changed, optax.scale_by_learning_rate(learning_rate)]
    if draw is not None:
        links.append(sampling.sample_v())
    return Stage(
        space=space,
        num_steps=num_steps,
        optimizer=optax.with_extra_args_support(optax.chain(*links)),
        expand=lambda latent: expand(latent, num_ws),
        begin=begin,
        tune=tune,
        needs=needs,
        keeps_best=optimizer == "quasi_newton",
        draw=draw,
        shares_v=shares_v,
    )


_OPTIMIZERS = {
    "adadelta": lambda num_steps, size: optax.scale_by_adadelta(rho=0.95, eps=1e-8),
    "adam": lambda num_steps, size: optax.scale_by_adam(),
    # Adam's usual memory of 1000 steps (0.999) keeps the steps small for the sake of
    # a stage's first, large gradients (docs/measurements.md).
    "adam_short": lambda num_steps, size: optax.scale_by_adam(b2=0.95),
    # A generator's parameters differ in size by orders of magnitude: one rate for all
    # diverges before the larger ones move.
    "adam_blocks": lambda num_steps, size: optax.chain(
        optax.scale_by_adam(b2=0.99), optax.scale_by_param_block_rms()
    ),
    "quasi_newton": scale_by_quasi_newton,
}


def _plateau(size: float, num_steps: int) -> optax.Schedule:
    """Rises over ten steps at most, stays until 60 %, falls to zero as a cosine."""
    rise = min(10, num_steps // 4)
    fall = round(0.4 * num_steps)
    return optax.join_schedules(
        [
            optax.linear_schedule(size / (rise + 1), size, rise),
            optax.constant_schedule(size),
            optax.cosine_decay_schedule(size, max(fall, 1)),
        ],
        [rise, num_steps - fall],
    )


_SCHEDULES = {
    "exponential": lambda size, steps: optax.exponential_decay(size, 2000, 0.1),
    "cosine": lambda size, steps: optax.cosine_decay_schedule(size, steps),
    "plateau": _plateau,
    "adaptive": lambda size, steps: 1.0,
}


def _seen_as(
    inner: optax.GradientTransformation,
    part: str,
    there: Callable[[Any, Array], Array],
    back: Callable[[Any, Array], Array],
) -> optax.GradientTransformationExtraArgs:
    """Lets an optimiser work in the coordinates that a part of the parameters tells."""
    inner = optax.with_extra_args_support(inner)

    def update(updates, state, params=None, **others):
        del params  # none of these optimisers looks at the latent itself
        told = others.pop(part)
        updates, state = inner.update(there(told, updates), state, **others)
        return back(told, updates), state

    return optax.GradientTransformationExtraArgs(inner.init, update)


_along_axes = partial(
    _seen_as,
    part="latents",
    there=lambda latents, x: matmul(x, latents["axes"]),
    back=lambda latents, x: matmul(x, latents["axes"].T),
)
"""Along the principal axes of w."""

_curved = partial(_seen_as, part="curvature", there=rescale, back=rescale)
"""Of an optimiser that is along these: in the curvature's."""


def _led(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """As `_curved`, for "quasi_newton": Adam, without them, leads it at first."""
    inner = optax.with_extra_args_support(inner)
    adam = optax.chain(
        optax.scale_by_adam(b2=0.95),
        optax.scale_by_learning_rate(_plateau(LED_SIZE, LED)),
    )

    def init(latent):
        return inner.init(latent), adam.init(latent)

    def update(updates, state, params=None, *, curvature, **others):
        del params
        inner_state: QuasiNewtonState = state[0]
        lead, adam_state = adam.update(updates, state[1])
        updates, inner_state = inner.update(
            rescale(curvature, updates),
            inner_state,
            lead=rescale(curvature, lead, 0.5),
            led=inner_state.evaluations < LED,
            **others,
        )
        return rescale(curvature, updates), (inner_state, adam_state)

    return optax.GradientTransformationExtraArgs(init, update)


_COORDINATES = {
    "w": (lambda optimizer: optimizer, ()),
    "principal": (_along_axes, ("latents",)),
    "curvature": (
        lambda optimizer: _along_axes(_curved(optimizer)),
        ("latents", "curvature"),
    ),
}


def _pivot(w_plus: Array, params: Params) -> dict[str, Any]:
    """The generator stage's first latent: the code, which stays, and what is tuned."""
    return {"w_plus": w_plus, "generator": tuning.part(params.generator)}


def _tuned(params: Params, latent: dict[str, Any]) -> Params:
    generator = tuning.joined(params.generator, latent["generator"])
    return dataclasses.replace(params, generator=generator)


_SPACES = {
    "w": (
        lambda w, num_ws: jnp.broadcast_to(w, (num_ws, *w.shape)),
        lambda w_plus, params: w_plus.mean(axis=0),
        lambda params, latent: params,
    ),
    "w_plus": (
        lambda w_plus, num_ws: w_plus,
        lambda w_plus, params: w_plus,
        lambda params, latent: params,
    ),
    "generator": (
        lambda latent, num_ws: jax.lax.stop_gradient(latent["w_plus"]),
        _pivot,
        _tuned,
    ),
}


def _choose(what: str, name: str, table: dict):
    if name not in table:
        raise ValueError(f"{what} is {name!r}; choose one of {sorted(table)}")
    return table[name]
