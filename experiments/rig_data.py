"""What rigs are found and measured with: a generator, who looks at it, and samples."""

import dataclasses
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
from pie_jax.core.errors import PieError
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import FindLandmarks, Generator
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams, to_vector
from pie_jax.energy import crops
from pie_jax.face.morphable import Morphable
from pie_jax.networks import latents
from pie_jax.stack import configuration, fetch, uses
from pie_jax.stack.load import load
from pie_jax.stack.registry import LANDMARKS68


class Setup(NamedTuple):
    """What is edited, and who looks.

    Attributes:
        generator: whose codes are edited.
        estimate: MoFA.
        recognition: of dlib's chips.
        params: `generator`, `mofa`, `recognition`, `latents`, `landmark_net`,
            `face_model`.
        find_landmarks: the landmark network.
    """

    generator: Generator
    estimate: Callable[[Any, jax.Array], FaceParams]
    recognition: Callable[[Any, jax.Array], jax.Array]
    params: Params
    find_landmarks: FindLandmarks

    @property
    def model(self) -> Morphable:
        """The face model."""
        return self.params.face_model

    def look(
        self, params: Params, image: jax.Array, chip_matrix: jax.Array
    ) -> tuple[FaceParams, jax.Array]:
        """Theta and descriptors of pictures `[B, R, R, 3]`, whose chips are placed."""
        chips = jax.vmap(crops.dlib_chip)(image, chip_matrix)
        descriptor = self.recognition(params.recognition, chips)
        return self.estimate(params.mofa, image), descriptor


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
    fetch.ensure(LANDMARKS68)
    found = load(config, uses.edit())
    functions, params = found.functions, found.params
    generator, seen_by = functions.generator, functions.networks
    moments = latents.moments(generator, params.generator)
    params = dataclasses.replace(params, latents=moments)
    if seen_by.estimate is None or seen_by.recognition is None:
        raise PieError("config.mofa is empty; a rig is found by what MoFA sees")
    return Setup(
        generator,
        seen_by.estimate,
        seen_by.recognition,
        params,
        functions.find_landmarks,
    )


def seen(setup: Setup, chosen: samples.Samples, kept: Path) -> Data:
    """Samples with what is seen in them, which `kept` (.npz) keeps."""
    params = setup.params
    seen_by = Params(mofa=params.mofa, recognition=params.recognition)

    @jax.jit
    def see(params: Params, image_u8: jax.Array, chip_matrix: jax.Array):
        theta, descriptor = setup.look(params, from_255(image_u8), chip_matrix)
        return to_vector(theta), descriptor

    identity = training_script.digest([seen_by, chosen.seed, chosen.landmarks])
    found = sample_faces.measured(partial(see, seen_by), chosen, kept, identity)
    return Data(
        chosen, SampleFaces(*found), setup.params.latents, setup.generator.num_ws
    )
