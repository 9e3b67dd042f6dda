"""What rigs are found and measured with: a generator, who looks at it, and samples."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments import fitting, sample_faces, samples, training_script
from experiments.sample_faces import SampleFaces
from pie_jax.core.errors import PieError
from pie_jax.core.images import from_255
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams, to_vector
from pie_jax.energy.term import needed
from pie_jax.face import crops
from pie_jax.networks import latents
from pie_jax.stack import configuration, fetch, uses
from pie_jax.stack.assembly import Stack
from pie_jax.stack.load import load
from pie_jax.stack.registry import LANDMARKS68


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


def new_setup(*components: str, config: ConfigDict | None = None) -> Stack:
    """A generator, and what looks at it; people are always told apart by dlib's.

    Args:
        components: whose rigs are needed.
        config: names the generator, MoFA and the face model; the default one without.

    Raises:
        PieError: there is no MoFA, or something cannot be read.
    """
    config = config or configuration.load(configuration.DEFAULT)
    config = config.copy_and_resolve_references()
    config.recognition, config.files.recognition = "dlib_resnet", ""
    if not config.mofa:
        raise PieError("config.mofa is empty; a rig is found by what MoFA sees")
    fetch.ensure(LANDMARKS68)
    return load(config, uses.edit(*components, refine=True))


def look(
    stack: Stack, params: Params, image: jax.Array, chip_matrix: jax.Array
) -> tuple[FaceParams, jax.Array]:
    """Theta and descriptors of pictures `[B, R, R, 3]`, whose chips are placed."""
    chips = jax.vmap(crops.dlib_chip)(image, chip_matrix)
    describe = needed(stack.functions.networks.recognition, "recognition")
    theta = fitting.estimate(stack)(params.mofa, image)
    return theta, describe(params.recognition, chips)


def seen(setup: Stack, chosen: samples.Samples, kept: Path) -> Data:
    """Samples with what is seen in them, which `kept` (.npz) keeps."""
    params = setup.params
    seen_by = params.only("mofa", "recognition")

    @jax.jit
    def see(params: Params, image_u8: jax.Array, chip_matrix: jax.Array):
        theta, descriptor = look(setup, params, from_255(image_u8), chip_matrix)
        return to_vector(theta), descriptor

    identity = training_script.digest([seen_by, chosen.seed, chosen.landmarks])
    found = sample_faces.measured(partial(see, seen_by), chosen, kept, identity)
    num_ws = setup.functions.generator.num_ws
    return Data(chosen, SampleFaces(*found), params.latents, num_ws)
