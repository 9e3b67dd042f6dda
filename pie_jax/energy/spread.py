"""E_spread (ours): in W+ the style inputs stay near each other, that is, near W.

The paper has no such term. Without it the codes of the default generator, each of
whose 23 style inputs drives one layer alone, wander to where no training image was:
the figures still improve, but hair and eyes blur, and weaves appear on skin.
"""

import jax.numpy as jnp
from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Term


def term(networks: Networks) -> Term:
    """Builds the term; it needs no network.

    Its value is the mean over style inputs and dimensions of the squared distance to
    the mean style input; a w's own variance is about 0.2.
    """
    del networks

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        w_plus = candidate.w_plus
        return jnp.mean((w_plus - w_plus.mean(axis=0)) ** 2)

    return Term(prepare=lambda params, portrait: None, value=value)
