"""The parameters of all networks and models, in one frozen struct."""

from collections.abc import Mapping
from typing import Any

from flax import struct


@struct.dataclass
class Params:
    """Parameters by the part that their network plays; a part that is not needed is None.

    It is a pytree, an argument of compiled functions and never a constant in them.

    Attributes:
        generator: of `core.interfaces.Generator`.
        perceptual: linen parameters of VGG-16.
        recognition: linen parameters of the recognition network.
        mofa: of `core.interfaces.Estimate`.
        landmark_net: linen parameters of the landmark network.
        face_model: a `face.morphable.Morphable`.
        rigs: by component, those of `core.interfaces.Rig`.
        encoder: linen parameters of the encoder.
        latents: where the generator's codes lie (`networks.latents.moments`).
        curvature: how the energy curves (`embedding.curvature`).
        silhouette: what tells a head by the generator's features.
        to_rgb: linen parameters of the generator's early output (`networks.to_rgb`).
        bank: an `energy.term.Person` whose arrays have a leading axis of people.
    """

    generator: Any = None
    perceptual: Any = None
    recognition: Any = None
    mofa: Any = None
    landmark_net: Any = None
    face_model: Any = None
    rigs: Mapping[str, Any] = struct.field(default_factory=dict)
    encoder: Any = None
    latents: Any = None
    curvature: Any = None
    silhouette: Any = None
    to_rgb: Any = None
    bank: Any = None

    def only(self, *names: str) -> "Params":
        """These parts alone: with others beside them it would be another program."""
        return Params(**{name: getattr(self, name) for name in names})
