"""What rigs are found and measured with: a generator, who looks at it, and samples."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments import sample_faces, samples, training_script
from experiments.sample_faces import SampleFaces
from pie_jax.cli import config as configuration
from pie_jax.cli import runtime
from pie_jax.core.errors import PieError
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Generator
from pie_jax.core.theta import FaceParams, to_vector
from pie_jax.energy import crops
from pie_jax.face.morphable import Morphable
from pie_jax.networks import latents


class Setup(NamedTuple):
    """What is edited, and who looks.

    Attributes:
        generator: whose codes are edited.
        estimate: MoFA.
        recognition: of dlib's chips.
        params: by part: `generator`, `mofa`, `recognition`, `latents`.
        model: the face model.
    """

    generator: Generator
    estimate: Callable[[Any, jax.Array], FaceParams]
    recognition: Callable[[Any, jax.Array], jax.Array]
    params: dict[str, Any]
    model: Morphable

    def look(
        self, params: Any, image: jax.Array, chip_matrix: jax.Array
    ) -> tuple[FaceParams, jax.Array]:
        """Theta and descriptors of pictures `[B, R, R, 3]`, whose chips are placed."""
        chips = jax.vmap(crops.dlib_chip)(image, chip_matrix)
        descriptor = self.recognition(params["recognition"], chips)
        return self.estimate(params["mofa"], image), descriptor


class Data(NamedTuple):
    """Samples, their faces, and their codes in standard deviations."""

    samples: samples.Samples
    faces: SampleFaces
    latents: dict[str, jax.Array]
    num_ws: int

    def codes(self, index: np.ndarray | slice) -> np.ndarray:
        """`[n, num_ws, 512]`, in standard deviations along the principal axes."""
        chosen = samples.w_plus(self.samples.take(index), self.num_ws)
        return np.asarray(latents.whiten(self.latents, jnp.asarray(chosen)))


def new_setup(config: ConfigDict | None = None) -> Setup:
    """A generator, and what looks at it; people are always told apart by dlib's.

    Args:
        config: names the generator, MoFA and the face model; the default one without.
    """
    config = config or configuration.load(configuration.DEFAULT)
    config = config.copy_and_resolve_references()
    config.recognition, config.files.recognition = "dlib_resnet", ""
    parts = ("generator", "recognition", "mofa", "face_model")
    assembled, params = runtime.start(config, "landmarks68", parts=parts)
    generator, model = assembled.generator, params.pop("face_model")
    params["latents"] = latents.moments(generator, params["generator"])
    estimate, recognition = assembled.estimate, assembled.networks.recognition
    if estimate is None or recognition is None:
        raise PieError("config.mofa is empty; a rig is found by what MoFA sees")
    return Setup(generator, estimate, recognition, params, model)


def seen(setup: Setup, chosen: samples.Samples, kept: Path) -> Data:
    """Samples with what is seen in them, which `kept` (.npz) keeps."""
    seen_by = {k: setup.params[k] for k in ("mofa", "recognition")}

    @jax.jit
    def see(params: Any, image_u8: jax.Array, chip_matrix: jax.Array):
        theta, descriptor = setup.look(params, from_255(image_u8), chip_matrix)
        return to_vector(theta), descriptor

    identity = training_script.digest([seen_by, chosen.seed, chosen.landmarks])
    found = sample_faces.measured(partial(see, seen_by), chosen, kept, identity)
    return Data(
        chosen, SampleFaces(*found), setup.params["latents"], setup.generator.num_ws
    )
