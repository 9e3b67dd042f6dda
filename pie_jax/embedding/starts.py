"""Where an embedding begins."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from pie_jax.core.params import Params
from pie_jax.networks import latents

Start = Callable[[Params, Array], Array]
"""`(params, image [B, R, R, 3] in [-1, 1]) -> w_plus [B, num_ws, 512]`."""


def mean(num_ws: int) -> Start:
    """The generator's mean w in every row, whatever the picture (PIE, sec. 4.4)."""

    def start(params: Params, image: Array) -> Array:
        w_avg = params.generator["w_avg"]
        return jnp.broadcast_to(w_avg, (len(image), num_ws, *w_avg.shape))

    return start


def encoded(apply: Callable[[Any, Array], Array]) -> Start:
    """What an encoder estimates from the picture.

    Args:
        apply: `(params, image) -> code`, see `networks.encoder`; needs the parameters
            `encoder` and `latents`.
    """

    def start(params: Params, image: Array) -> Array:
        code = apply(params.encoder, image)
        return latents.unwhiten(params.latents, code)

    return start
