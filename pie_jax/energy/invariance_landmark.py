"""E_inv, landmarks: the edit left all but the component as it was (PIE, eq. 13).

The photograph's landmarks are compared with those of the edited code's face whose
component is the photograph's own again.
"""

from jax import Array

from pie_jax.core.errors import PieError
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams, combine
from pie_jax.energy import likeness
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed, theta_of

NEEDS = ("theta", "edited")


def term(networks: Networks) -> Term:
    """Builds the term from `networks.rig`, `networks.estimate`, and the parts `mofa`
    and `face_model` of the parameters; the portrait has landmarks."""
    component = needed(networks.rig, "rig", "invariance_landmark").component
    estimate = needed(networks.estimate, "mofa", "invariance_landmark")

    def prepare(params: Params, portrait: Target) -> tuple[FaceParams, Array]:
        if portrait.landmarks is None:
            raise PieError(
                "config.energy.invariance_landmark compares the portrait's landmarks, "
                "and it was loaded without them; load it with them"
            )
        return theta_of(estimate, params, portrait.image), portrait.landmarks

    def value(
        params: Params, reference: tuple[FaceParams, Array], candidate: Candidate
    ) -> Array:
        own, landmarks = reference
        theta = combine(candidate.edited.theta, own, component)
        return likeness.landmark(params.face_model, theta, landmarks)

    return Term(prepare, value)
