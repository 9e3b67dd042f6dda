"""E_loc (ours): a generator that is tuned to one portrait draws other people as before.

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", ACM TOG 2022,
regularise so. Without it what is learnt about one code shows in all others, and in this
one's edits. The other is the iteration's v; where nothing is tuned there is none of it.
"""

from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Term
from pie_jax.losses.pixel import pixel

NEEDS = ("person_image",)


def term(networks: Networks) -> Term:
    """Builds the term, of the unit of `energy.pixel`; it needs no network."""
    del networks

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        return pixel(candidate.person_image, candidate.person.image)

    return Term(prepare=lambda params, portrait: None, value=value)
