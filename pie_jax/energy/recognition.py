"""E_recog, first part: the projection is the same person (PIE, eq. 15)."""

from jax import Array

from pie_jax.core.images import downsample, reduce_affine, sample_affine
from pie_jax.energy.term import Candidate, Networks, Portrait, Term, needed
from pie_jax.losses.recognition import recognition

CHIP_SIZE = 150
REDUCED = 256
"""An aligned face is about 640 of 1024 pixels wide: at 256 the chip's 150 pixels
sample it about one to one, so that nothing is skipped."""


def term(networks: Networks) -> Term:
    """Builds the term from `networks.recognition` and `params["recognition"]`."""
    network = needed(networks.recognition, "recognition")

    def descriptor(params: dict, image: Array, matrix: Array) -> Array:
        factor = max(image.shape[0] // REDUCED, 1)
        reduced = downsample(image, factor)
        chip = sample_affine(reduced, reduce_affine(matrix, factor), CHIP_SIZE)
        return network(params["recognition"], chip[None])[0]

    def prepare(params: dict, portrait: Portrait) -> tuple[Array, Array]:
        matrix = portrait.chip_matrix
        return descriptor(params, portrait.image, matrix), matrix

    def value(
        params: dict, reference: tuple[Array, Array], candidate: Candidate
    ) -> Array:
        target, matrix = reference
        return recognition(descriptor(params, candidate.image, matrix), target)

    return Term(prepare, value)
