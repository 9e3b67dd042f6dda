"""E_syn, colours: the projection looks like the photograph (PIE, eq. 7)."""

from pie_jax.energy.term import Networks, Term
from pie_jax.losses.pixel import pixel


def term(networks: Networks) -> Term:
    """Builds the term; it needs no network."""
    del networks
    return Term(
        prepare=lambda params, portrait: portrait.image,
        value=lambda params, target, candidate: pixel(candidate.image, target),
    )
