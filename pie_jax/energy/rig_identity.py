"""E_id: to edit a face into what it is changes nothing (PIE, eq. 8).

RigNet's map here (`networks.rignet`) has none of it whatever the code, so the default
configuration leaves the term out; a rig of another kind may need it.
"""

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.params import Params
from pie_jax.energy.term import Candidate, Networks, Term, needed

NEEDS = ("theta",)

_PAPER_VALUES = 18 * 512


def term(networks: Networks) -> Term:
    """Builds the term from `networks.rig` and `params.rigs[rig.component]`.

    Its value is the sum of squares over a code, rescaled to the size of the paper's
    W+, so that the weight keeps its meaning for generators with more style inputs.
    """
    rig = needed(networks.rig, "rig", "rig_identity")

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        own = jax.tree.map(lambda x: x[None], candidate.theta)
        w_plus = candidate.w_plus
        edited = rig.edit(params.rigs[rig.component], w_plus[None], own, own)[0]
        return _PAPER_VALUES * jnp.mean((w_plus - edited) ** 2)

    return Term(prepare=lambda params, portrait: None, value=value)
