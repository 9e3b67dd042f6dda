"""What a term of the energy is, and what it may look at."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
from flax import struct
from jax import Array

from pie_jax.core.interfaces import Estimate, Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.face.crops import dlib_chip


@struct.dataclass
class Target:
    """The photograph to embed, aligned to the generator's frame.

    Attributes:
        image: `[R, R, 3]`, RGB in [-1, 1].
        chip_matrix: `[2, 3]`, maps pixels of dlib's face chip to pixels of the image
            (`pie_jax.photos.faces.chip_matrix`).
        landmarks: `[68, 2]` in fractions of the frame (`core.ibug`); None where they
            were not looked for.
    """

    image: Array
    chip_matrix: Array
    landmarks: Array | None = None


@struct.dataclass
class Person:
    """Somebody whom the generator made up: v in the paper.

    Attributes:
        w: `[512]`, v's code in W.
        theta: theta_v, without batch axes.
        image: `[S, S, 3]`, I_v, RGB in [-1, 1]; small, see `likeness.SIZE`.
        landmarks: `[68, 2]`, those of I_v, in fractions of the frame.
        jitter: a scalar, which of `crops.JITTERS` shows the face that is edited to be like
            v; None in a bank.
    """

    w: Array
    theta: FaceParams
    image: Array
    landmarks: Array
    jitter: Array = struct.field(default=None)


@struct.dataclass
class EditedCandidate:
    """The candidate with one component of its face taken from a person.

    Attributes:
        w_plus: `[num_ws, 512]`, w_hat(v).
        image: `[S, S, 3]`, I(w_hat(v)); it may be smaller than the candidate's.
        theta: theta(w_hat(v)), estimated from that image.
    """

    w_plus: Array
    image: Array
    theta: FaceParams


@struct.dataclass
class Candidate:
    """The embedding as it stands in one iteration.

    Attributes:
        w_plus: `[num_ws, 512]`.
        image: `[R, R, 3]`, I(w), RGB in about [-1, 1].
        theta: theta(w), estimated from the image; only there if a term that takes part
            has it in its file's `NEEDS`.
        person: v, drawn in this iteration; there with the following ones.
        edited: w_hat(v); only there if a term has it in `NEEDS`.
        person_image: `[S, S, 3]`, v as the generator draws it now; the same holds.
    """

    w_plus: Array
    image: Array
    theta: FaceParams = struct.field(default=None)
    person: Person = struct.field(default=None)
    edited: EditedCandidate = struct.field(default=None)
    person_image: Array = struct.field(default=None)


class Term(NamedTuple):
    """One unweighted summand of the energy, of a single portrait."""

    prepare: Callable
    """`(params, Target) -> reference`: what of the portrait is computed only once."""
    value: Callable
    """`(params, reference, Candidate) -> scalar`."""


class Networks(NamedTuple):
    """The networks that terms are made of, as functions of (parameters, image).

    A network that a configuration does without is None.
    """

    perceptual: Callable | None
    """`(params, image [B, H, W, 3]) -> {layer: [B, h, w, c]}`."""
    recognition: Callable | None
    """`(params, face [B, S, S, 3]) -> descriptor [B, D]`."""
    crop: Callable = dlib_chip
    """`(image [R, R, 3], chip_matrix [2, 3]) -> face [S, S, 3]`: what the recognition
    network sees of a portrait."""
    estimate: Estimate | None = None
    """MoFA; its parameters are `params.mofa`."""
    rig: Rig | None = None
    """RigNet of the component that is to be edited; `params.rigs[rig.component]`."""


_Network = TypeVar("_Network")


def needed(network: _Network | None, part: str, term: str | None = None) -> _Network:
    """The network that a term, by its own name or that of the part, cannot do without.

    Raises:
        ValueError: it was left out.
    """
    if network is None:
        raise ValueError(
            f"config.energy.{term or part} is set, but config.{part} is empty"
        )
    return network


def theta_of(estimate: Estimate, params: Params, image: Array) -> FaceParams:
    """Theta of one picture `[R, R, 3]`; its parameters are `params.mofa`."""
    return jax.tree.map(lambda x: x[0], estimate(params.mofa, image[None]))
