"""E_syn, features of details: what a quarter of the pixels does not show (PIE, eq. 7).

The network looks at a square of the picture as it is, in each iteration at another place.
It takes as long as the whole picture reduced, and is for the stage that can still change
details: it takes part where the generator is tuned.
"""

import jax
from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed
from pie_jax.losses.perceptual import PAPER_RESOLUTION, perceptual

SPACES = ("generator",)

SIZE = 256
"""Pixels on a side of the square, as many as the term `perceptual` has of the whole."""


def term(networks: Networks) -> Term:
    """Builds the term from `networks.perceptual` and `params.perceptual`.

    Its value is that of `perceptual` for a picture that looks like the square all over.
    """
    network = needed(networks.perceptual, "perceptual", "perceptual_crop")

    def prepare(params: Params, portrait: Target) -> Array:
        del params
        return portrait.image

    def value(params: Params, target: Array, candidate: Candidate) -> Array:
        size = min(SIZE, len(target))
        corner = jax.random.randint(
            jax.random.wrap_key_data(candidate.key), (2,), 0, len(target) - size + 1
        )
        found, wanted = (
            network(params.perceptual, _square(x, corner, size)[None])
            for x in (candidate.image, target)
        )
        return perceptual(found, wanted, PAPER_RESOLUTION * size // SIZE)

    return Term(prepare, value)


def _square(image: Array, corner: Array, size: int) -> Array:
    return jax.lax.dynamic_slice(image, (*corner, 0), (size, size, image.shape[2]))
