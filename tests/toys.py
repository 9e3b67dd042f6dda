"""A stack of toys: what sees faces, quick to compile, and a photograph with a face."""

import dataclasses
import functools
import os
from pathlib import Path

import dlib
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from matplotlib import cbook

from pie_jax.core.theta import FaceParams, neutral
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.io import images
from pie_jax.photos import faces
from pie_jax.stack import networks
from pie_jax.stack.networks import Network
from pie_jax.stack.registry import CARRIED, LANDMARKS68
from tests import builders

PHOTO = Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
"""`[600, 512, 3]`, one face of about 215 pixels, which dlib's detector finds."""
UNITS = (
    *("mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight", "jawOpen"),
    *("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
)


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Of the face model of this world."""
    return builders.named_arrays(*UNITS, seed=seed)


@functools.cache
def model() -> Morphable:
    return morphable.from_arrays(arrays())


def estimate(params: Array, image: Array) -> FaceParams:
    """What this world calls a pose: the picture's mean colour, times `params`."""
    rotation = params * image.mean(axis=(1, 2))
    return dataclasses.replace(neutral((len(image),)), rotation=rotation)


def find_landmarks(params: Array, image: Array) -> Array:
    """`params` `[68, 2]`, turned by what the picture's sides differ in brightness."""
    half = image.shape[2] // 2
    sides = (image[:, :, :half], image[:, :, half:])
    left, right = (side.mean(axis=(1, 2, 3)) for side in sides)
    cosine, sine = jnp.cos(0.3 * (left - right)), jnp.sin(0.3 * (left - right))
    turn = jnp.stack([cosine, -sine, sine, cosine], -1).reshape(-1, 2, 2)
    return 0.5 + jnp.einsum("kj,bij->bki", params - 0.5, turn)


def places() -> Array:
    """`[68, 2]` in fractions of the frame: the landmarks of the mean face in front."""
    return render_vertices(model(), neutral(), 1).landmarks


def install(cache: Path, patch: pytest.MonkeyPatch) -> None:
    """Puts the toys into the tables of networks, and chooses the weights' cache."""
    patch.setenv("PIE_JAX_CACHE", str(cache))
    seen = Network(lambda: estimate, lambda key: jnp.asarray(0.1), None)
    patch.setitem(networks.MOFA, "testing", seen)
    face = Network(lambda: None, lambda key: model(), None)
    patch.setitem(networks.FACE_MODELS, "morphable", face)
    finder = Network(lambda: find_landmarks, lambda key: places(), None)
    patch.setattr(networks, "LANDMARK_NET", finder)


def photo_landmarks() -> np.ndarray:
    """`[68, 2]` whole pixels of `PHOTO`: eyes and mouth are where they are."""
    shape = np.asarray(jax.device_get(places())) * 400 + (66, 40)
    ring = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    eye = 14 * np.stack([-np.cos(ring), -np.sin(ring)], axis=1)
    shape[36:42], shape[42:48] = eye + (225, 188), eye + (305, 188)
    shape[48:] = (266, 277)
    shape[48], shape[54] = (236, 277), (296, 277)
    return np.rint(shape)


def write_predictor(path: Path) -> None:
    """Writes a predictor of dlib's that knows one face, as large as the published."""
    photo_u8 = images.read(PHOTO)
    (box,) = faces.detect(photo_u8)
    options = dlib.shape_predictor_training_options()
    options.cascade_depth = options.num_trees_per_cascade_level = 1
    options.tree_depth = options.oversampling_amount = options.num_test_splits = 1
    options.feature_pool_size = 10
    known = dlib.full_object_detection(
        dlib.rectangle(box.left, box.top, box.right, box.bottom),
        [dlib.point(int(x), int(y)) for x, y in photo_landmarks()],
    )
    dlib.train_shape_predictor([photo_u8], [[known]], options).save(str(path))
    os.truncate(path, CARRIED[LANDMARKS68].published.size)
