"""E_edit, landmarks: the edit took the component over from v (PIE, eq. 11).

v's landmarks are compared with those of v's face whose component is what the edited
code shows. Light moves none: of that component this term has no gradient.
"""

from jax import Array

from pie_jax.core.params import Params
from pie_jax.core.theta import combine
from pie_jax.energy import likeness
from pie_jax.energy.term import Candidate, Networks, Term, needed

NEEDS = ("theta", "edited")


def term(networks: Networks) -> Term:
    """Builds the term from `networks.rig` and `params.face_model`."""
    component = needed(networks.rig, "rig", "edit_landmark").component

    def value(params: Params, reference: None, candidate: Candidate) -> Array:
        person, edited = candidate.person, candidate.edited
        theta = combine(person.theta, edited.theta, component)
        return likeness.landmark(params.face_model, theta, person.landmarks)

    return Term(prepare=lambda params, portrait: None, value=value)
