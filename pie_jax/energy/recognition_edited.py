"""E_recog, second part: edited, it is still the same person (PIE, eq. 15).

The network sees the edited face where it is: the photograph's chip goes along with the
landmarks that MoFA sees before and after the edit. In the photograph's own chip a turned
face lies aside (its middle by 5 of 150 pixels at a yaw above 20 degrees, root mean square
over 800 samples), and dlib's network was trained on faces in their places. Each iteration
sees both chips by another jitter, which v tells: what must please the network in all of them
pleases others too.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import reduce_affine
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.energy import recognition
from pie_jax.energy.term import Candidate, Networks, Target, Term, needed
from pie_jax.face import crops
from pie_jax.face.render import render_vertices

NEEDS = ("theta", "edited")


def term(networks: Networks) -> Term:
    """Builds the term from `networks.recognition`, and the parts `recognition` and
    `face_model` of the parameters."""
    needed(networks.recognition, "recognition", "recognition_edited")
    describe, plain = recognition.term(networks)

    def prepare(params: Params, portrait: Target) -> tuple[Array, Array]:
        def descriptor(which: Array) -> Array:
            matrix = crops.jittered(portrait.chip_matrix, which)
            seen = dataclasses.replace(portrait, chip_matrix=matrix)
            return describe(params, seen)[0]

        every = jnp.arange(len(crops.JITTERS))
        return jax.lax.map(descriptor, every), portrait.chip_matrix

    def value(
        params: Params, reference: tuple[Array, Array], candidate: Candidate
    ) -> Array:
        descriptors, matrix = reference
        edited, which = candidate.edited, candidate.person.jitter

        def places(theta: FaceParams) -> Array:
            seen = render_vertices(
                params.face_model, theta, len(edited.image), occlusion=False
            )
            # Where the face is cut out is no means to be recognised.
            return jax.lax.stop_gradient(seen.landmarks) - 0.5

        smaller = len(candidate.image) // len(edited.image)
        matrix = reduce_affine(matrix, smaller)
        matrix = crops.follow(matrix, places(candidate.theta), places(edited.theta))
        matrix = crops.jittered(matrix, which)
        seen = Candidate(edited.w_plus, edited.image)
        return plain(params, (descriptors[which], matrix), seen)

    return Term(prepare, value)
