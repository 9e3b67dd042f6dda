"""E_loc (ours): a generator that is tuned to one portrait draws other people as before.

After the regularisation of Roich et al., "Pivotal Tuning for Latent-based Editing of Real
Images", ACM TOG 2022, who compare pictures of codes between the pivot and a random w by
pixels and LPIPS. Here it is the iteration's v: drawn anyway, and its picture by the untuned
generator is known. Small pictures are compared, by pixels. Without the term what is learnt about
one code shows in others (docs/measurements.md); where nothing is tuned there is none of it, but
for the rounding of pictures that are kept.
"""

from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Term
from pie_jax.losses.pixel import pixel

NEEDS = ("person_image",)


def term(networks: Networks) -> Term:
    """Builds the term, of the unit of `energy.pixel` in pictures of `likeness.SIZE`; it
    needs no network."""
    del networks

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        return pixel(candidate.person_image, candidate.person.image)

    return Term(prepare=lambda params, portrait: None, value=value)
