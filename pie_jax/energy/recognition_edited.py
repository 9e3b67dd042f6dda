"""E_recog, second part: edited, it is still the same person (PIE, eq. 15).

The network sees the same part of the edited picture as of the photograph, for in
generated portraits eyes and mouth keep their places when a head turns: over 800 samples
the middle of dlib's chip, 150 pixels wide, lies 2 pixels (root mean square) from its
mean place where the yaw is below 5 degrees, and 5 where it is above 20.
"""

from jax import Array

from pie_jax.energy import recognition
from pie_jax.energy.term import Candidate, Networks, Term, needed

NEEDS = ("edited",)


def term(networks: Networks) -> Term:
    """Builds the term from `networks.recognition` and `params["recognition"]`."""
    needed(networks.recognition, "recognition", "recognition_edited")
    prepare, plain = recognition.term(networks)

    def value(
        params: dict, reference: tuple[Array, Array], candidate: Candidate
    ) -> Array:
        edited = candidate.edited
        return plain(params, reference, Candidate(edited.w_plus, edited.image))

    return Term(prepare, value)
