"""What a term of the energy is, and what it may look at."""

from collections.abc import Callable
from typing import NamedTuple

from flax import struct
from jax import Array

from pie_jax.energy.crops import dlib_chip


@struct.dataclass
class Portrait:
    """The photograph to embed, aligned to the generator's frame.

    Attributes:
        image: `[R, R, 3]`, RGB in [-1, 1].
        chip_matrix: `[2, 3]`, maps pixels of dlib's face chip to pixels of the image
            (`pie_jax.io.faces.chip_matrix`).
    """

    image: Array
    chip_matrix: Array


@struct.dataclass
class Candidate:
    """The embedding as it stands in one iteration.

    Attributes:
        w_plus: `[num_ws, 512]`.
        image: `[R, R, 3]`, I(w), RGB in about [-1, 1].
    """

    w_plus: Array
    image: Array


class Term(NamedTuple):
    """One unweighted summand of the energy, of a single portrait."""

    prepare: Callable
    """`(params, Portrait) -> reference`: what of the portrait is computed only once."""
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


def needed(network: Callable | None, part: str) -> Callable:
    """The network that a term cannot do without.

    Raises:
        ValueError: it was left out.
    """
    if network is None:
        raise ValueError(f"config.energy.{part} is set, but config.{part} is empty")
    return network
