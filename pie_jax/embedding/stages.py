"""The schedule as data: which latent is optimised, how long, and by what."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import optax
from jax import Array


class Stage(NamedTuple):
    """One stage of the optimisation.

    Attributes:
        space: "w" (one vector for all style inputs) or "w_plus" (one for each).
        num_steps: iterations.
        optimizer: an optax chain; its update takes `latents` (from
            `pie_jax.networks.latents.moments`) if `principal`.
        principal: whether it works in coordinates along the principal axes of w.
        expand: latent -> w_plus `[num_ws, 512]`.
        begin: w_plus -> the stage's first latent.
    """

    space: str
    num_steps: int
    optimizer: optax.GradientTransformationExtraArgs
    expand: Callable[[Array], Array]
    begin: Callable[[Array], Array]
    principal: bool = False


def stage(
    space: str,
    num_steps: int,
    optimizer: str,
    step_size: float,
    schedule: str,
    num_ws: int,
    coordinates: str = "w",
) -> Stage:
    """Builds a stage from plain values, as a configuration has them.

    Args:
        space: "w" or "w_plus".
        num_steps: iterations of the stage.
        optimizer: "adadelta" (the paper's, TensorFlow's defaults), "adam", or
            "adam_short" for a few hundred steps, which forgets old gradients sooner.
        step_size: the largest learning rate of the stage.
        schedule: "exponential" (the paper's: a tenth after 2000 steps), "cosine" (to
            zero at the end of the stage) or "plateau" (a short rise, constant for
            most of the stage, then the cosine).
        num_ws: the generator's number of style inputs.
        coordinates: "w" (the paper's) or "principal": the optimiser sees, and steps
            in, standard deviations along the principal axes of w.

    Raises:
        ValueError: a name that is not one of those, or no step at all.
    """
    if num_steps < 1:
        raise ValueError(f"num_steps is {num_steps}; a stage has at least one step")
    learning_rate = _choose("schedule", schedule, _SCHEDULES)(step_size, num_steps)
    expand, begin = _choose("space", space, _SPACES)
    change = _choose("coordinates", coordinates, _COORDINATES)
    return Stage(
        space=space,
        num_steps=num_steps,
        optimizer=optax.chain(
            change(_choose("optimizer", optimizer, _OPTIMIZERS)()),
            optax.scale_by_learning_rate(learning_rate),
        ),
        expand=lambda latent: expand(latent, num_ws),
        begin=begin,
        principal=coordinates == "principal",
    )


_OPTIMIZERS = {
    "adadelta": lambda: optax.scale_by_adadelta(rho=0.95, eps=1e-8),
    "adam": lambda: optax.scale_by_adam(),
    # Adam's usual memory of 1000 steps (0.999) keeps the steps small for the sake of
    # a stage's first, large gradients. On ride.jpg, 100 steps of size 0.05 and 0.03
    # gave 21.7 dB with it or with 0.99 under the cosine, and 23.4 dB with 0.95 and a
    # plateau (to half of the stage); the two were not measured apart.
    "adam_short": lambda: optax.scale_by_adam(b2=0.95),
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
}


def _along_axes(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """Lets an optimiser work in coordinates along the principal axes of w."""

    def update(updates, state, params=None, *, latents):
        del params  # none of the optimisers above looks at the latent itself
        axes = latents["axes"]
        updates, state = inner.update(updates @ axes, state)
        return updates @ axes.T, state

    return optax.GradientTransformationExtraArgs(inner.init, update)


_COORDINATES = {"w": lambda optimizer: optimizer, "principal": _along_axes}

_SPACES = {
    "w": (
        lambda w, num_ws: jnp.broadcast_to(w, (num_ws, *w.shape)),
        lambda w_plus: w_plus.mean(axis=0),
    ),
    "w_plus": (lambda w_plus, num_ws: w_plus, lambda w_plus: w_plus),
}


def _choose(what: str, name: str, table: dict):
    if name not in table:
        raise ValueError(f"{what} is {name!r}; choose one of {sorted(table)}")
    return table[name]
