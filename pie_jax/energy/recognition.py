"""E_recog, first part: the projection is the same person (PIE, eq. 15)."""

from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed
from pie_jax.losses.recognition import recognition


def term(networks: Networks) -> Term:
    """Builds the term from `networks.recognition` and `params.recognition`."""
    network = needed(networks.recognition, "recognition")

    def descriptor(params: Params, image: Array, matrix: Array) -> Array:
        seen = networks.crop(image, matrix)
        return network(params.recognition, seen[None])[0]

    def prepare(params: Params, portrait: Target) -> tuple[Array, Array]:
        matrix = portrait.chip_matrix
        return descriptor(params, portrait.image, matrix), matrix

    def value(
        params: Params, reference: tuple[Array, Array], candidate: Candidate
    ) -> Array:
        target, matrix = reference
        return recognition(descriptor(params, candidate.image, matrix), target)

    return Term(prepare, value)
