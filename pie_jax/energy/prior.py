"""E_prior (ours): every style input stays a code that the generator was trained on.

The paper has no such term. The default generator needs it in W+: its 23 style inputs
are each modulated alone, and codes far from its training leave a fine grid on skin and
hair that no other term sees.
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.energy.term import Candidate, Networks, Term
from pie_jax.networks.latents import surprise


def term(networks: Networks) -> Term:
    """Builds the term; `params["w_statistics"]` is the distribution of w."""
    del networks

    def value(params: dict, reference: None, candidate: Candidate) -> Array:
        return jnp.mean(surprise(candidate.w_plus, params["w_statistics"]))

    return Term(prepare=lambda params, portrait: None, value=value)
