"""E_inv, colours: the edit left all but the component as it was (PIE, eq. 13).

The photograph is compared with the edited code's face whose component is the
photograph's own again.
"""

from jax import Array

from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams, combine
from pie_jax.energy import likeness
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed, theta_of

NEEDS = ("theta", "edited")


def term(networks: Networks) -> Term:
    """Builds the term from `networks.rig`, `networks.estimate`, and the parts `mofa`
    and `face_model` of the parameters."""
    component = needed(networks.rig, "rig", "invariance_photometric").component
    estimate = needed(networks.estimate, "mofa", "invariance_photometric")

    def prepare(params: Params, portrait: Target) -> tuple[FaceParams, Array]:
        own = theta_of(estimate, params, portrait.image)
        return own, likeness.reduced(portrait.image)

    def value(
        params: Params, reference: tuple[FaceParams, Array], candidate: Candidate
    ) -> Array:
        own, image = reference
        theta = combine(candidate.edited.theta, own, component)
        return likeness.photometric(params.face_model, theta, image)

    return Term(prepare, value)
