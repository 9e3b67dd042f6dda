"""E_syn, features: the projection has the photograph's details (PIE, eq. 7)."""

from jax import Array

from pie_jax.core.images import resized
from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed
from pie_jax.losses.perceptual import perceptual

FACTOR = 4
"""The paper's reduction of the image before the network."""

LEAST = 8
"""Pixels on a side that the network takes, for generators of less than 32."""


def term(networks: Networks) -> Term:
    """Builds the term from `networks.perceptual` and `params.perceptual`."""
    network = needed(networks.perceptual, "perceptual")

    def features(params: Params, image: Array) -> dict[str, Array]:
        reduced = resized(image, max(image.shape[0] // FACTOR, LEAST))[None]
        layers = network(params.perceptual, reduced)
        return {name: x[0] for name, x in layers.items()}

    def prepare(params: Params, portrait: Target) -> dict[str, Array]:
        return features(params, portrait.image)

    def value(params: Params, target: dict[str, Array], candidate: Candidate) -> Array:
        image = candidate.image
        return perceptual(features(params, image), target, image.shape[0])

    return Term(prepare, value)
