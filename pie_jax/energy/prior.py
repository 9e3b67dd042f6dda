"""E_prior (ours): every style input stays where the mapping network puts its w.

The paper has no such term. Without it even W leads to where no training image was,
and a fine grid lies on skin (docs/measurements.md).
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Term
from pie_jax.networks import latents


def term(networks: Networks) -> Term:
    """Builds the term; its parameters are `pie_jax.networks.latents.moments`.

    Its value is the squared Mahalanobis distance of the style inputs from the mean w,
    divided by its expectation: its mean over codes of the generator is 1.
    """
    del networks

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        return jnp.mean(latents.whiten(params.latents, candidate.w_plus) ** 2)

    return Term(prepare=lambda params, portrait: None, value=value)
