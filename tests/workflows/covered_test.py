"""Faces behind sunglasses and masks: painted on renderings, and on photographs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw

from pie_jax.core.images import downsample
from pie_jax.face.render import render_image
from pie_jax.io import images
from pie_jax.photos import portraits
from pie_jax.stack import configuration, fetch
from pie_jax.stack.load import load
from pie_jax.stack.uses import FIT
from pie_jax.workflows import covered, fit
from tests import builders, toys
from tests.training.reconstruction_test import random_theta

EYES, MOUTH = (range(36, 42), range(42, 48)), (range(48, 68),)


def painted(image_u8, landmarks, parts, colour):
    """Lays a patch of a colour, twice as wide, on parts of a face."""
    image = Image.fromarray(image_u8)
    draw = ImageDraw.Draw(image)
    for part in parts:
        points = landmarks[list(part)]
        middle, half = (
            points.mean(axis=0),
            np.ptp(points, axis=0).max() * np.array([1.05, 0.8]),
        )
        draw.ellipse([*(middle - half), *(middle + half)], fill=colour)
    return np.array(image)


def test_a_face_is_like_its_rendering_and_unlike_a_plain_wall():
    model = builders.toy_morphable()
    theta = jax.tree.map(lambda x: x[0], random_theta(1))
    image, _ = render_image(model, theta, 128)
    same = covered.likeness(model, theta, 2 * image - 1)
    assert same == pytest.approx({"eyes": 1, "mouth": 1}, abs=1e-3)
    wall = jnp.zeros((128, 128, 3))
    assert covered.hidden(model, theta, wall) == ["eyes", "mouth"]


@pytest.mark.real
@pytest.mark.parametrize("name", ["hopper", "jemison", "eisenhower"])
def test_sunglasses_and_masks_are_told_and_faces_are_not(name):
    config = configuration.load("default")
    fetch.ensure("landmarks68")
    path = toys.PHOTO if name == "hopper" else builders.portrait(f"{name}.jpg")
    portrait = portraits.load_portrait(path)
    stack = load(config, FIT)
    see = jax.jit(fit._sight(stack.functions))
    for parts, hidden in (((), []), (EYES, ["eyes"]), (MOUTH, ["mouth"])):
        image_u8 = painted(portrait.aligned_u8, portrait.landmarks, parts, (40, 60, 90))
        image = jnp.asarray(downsample(images.from_u8(image_u8), 4))
        theta = jax.tree.map(lambda x: x[0], see(stack.params, image[None]))
        assert covered.hidden(stack.params.face_model, theta, image) == hidden
