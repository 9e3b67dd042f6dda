"""The installed rigs and the early output do what their model cards say.

On codes that are made from seeds, which nothing was trained on.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.landmark_error import landmark_error
from pie_jax.core.images import reduce_area
from pie_jax.core.numerics import norm
from pie_jax.core.theta import COMPONENTS
from pie_jax.editing import edit, targets
from pie_jax.editing.targets import Amount
from pie_jax.face import crops
from pie_jax.networks.landmark_net import both_ways
from pie_jax.stack import configuration, uses
from pie_jax.stack.load import load
from pie_jax.workflows import refining
from pie_jax.workflows.edit_record import landmarks

pytestmark = pytest.mark.real
PSI, PEOPLE = 0.6, 4
ASKED = {"jawOpen": 0.5, "smile": 0.7, "browsUp": 0.8, "browsDown": 0.7}


@pytest.fixture(scope="module")
def stack():
    found = uses.edit(*COMPONENTS, refine=True)
    return load(configuration.load("default"), found)


@pytest.fixture(scope="module")
def before(stack):
    """People, one after another: `[1]` each."""
    generator, params = stack.functions.generator, stack.params
    z = jax.random.normal(jax.random.key(2026), (PEOPLE, 512))
    w_avg = params.generator["w_avg"]
    w = w_avg + PSI * (generator.mapping(params.generator, z) - w_avg)
    w_plus = jnp.repeat(w[:, None], generator.num_ws, axis=1)
    return [edit.look(stack.functions.editor, params, x[None]) for x in w_plus]


def edited(stack, portrait, target, component, rounds=1):
    groups = ((component,),)
    return edit.edit(
        stack.functions.editor, stack.params, portrait, target, groups, rounds
    )


def points(stack, image):
    find = stack.functions.find_landmarks
    return both_ways(find, stack.params.landmark_net, image)


def apart(stack, *seen):
    """How far two people's descriptors are apart."""
    one, other = (descriptor(stack, x.image) for x in seen)
    return float(norm(one - other)[0])


def descriptor(stack, image):
    matrix = refining._place(len(image[0]) * points(stack, image)[0] - 0.5)
    chip = crops.dlib_chip(image[0], matrix)
    return stack.functions.networks.recognition(stack.params.recognition, chip[None])


def test_the_early_output_draws_what_the_generator_does(stack, before):
    preview = jax.jit(stack.functions.preview)
    for portrait in before:
        small = preview(stack.params, portrait.w_plus)
        whole = reduce_area(jnp.clip(portrait.image, -1, 1), small.shape[1])
        psnr = 10 * np.log10(4 / float(jnp.mean((small - whole) ** 2)))
        assert psnr > 27


def test_heads_turn_as_far_as_is_asked_and_stay_the_person(stack, before):
    errors, distances = [], []
    for portrait in before:
        for yaw in (-16, 16):
            rotation = portrait.theta.rotation.at[:, 1].set(np.radians(yaw))
            target = dataclasses.replace(portrait.theta, rotation=rotation)
            found = edited(stack, portrait, target, "rotation")
            errors.append(float(edit.error(found.theta, target, "rotation")[0]))
            distances.append(apart(stack, portrait, found))
    # Measured: 0.019 and 0.280.
    assert np.mean(errors) < 0.03
    assert np.mean(distances) < 0.33


def test_expressions_show_and_leave_the_person(stack, before):
    missing, distances = shown(stack, before)
    # Measured: 0.776 and 0.147.
    assert np.mean(missing) < 0.79
    assert np.mean(distances) < 0.16


def shown(stack, before):
    """Of each expression the share of what its landmarks were to move that is missing,
    and the distance of descriptors."""
    model = stack.params.face_model
    missing, distances = [], []
    for portrait, (name, amount) in itertools.product(before, ASKED.items()):
        own = portrait.theta
        expression = targets.expressed(model, own.expression, {name: Amount(amount)})
        target = dataclasses.replace(own, expression=expression)
        found = edited(stack, portrait, target, "expression")
        was, now = (points(stack, x.image) for x in (portrait, found))
        here, there = (landmarks(model, x) for x in (own, target))
        left, asked = (landmark_error(was, x, here, there) for x in (now, was))
        missing.append(float((left / asked)[0]))
        distances.append(apart(stack, portrait, found))
    return missing, distances


def test_light_becomes_what_is_asked_for(stack, before):
    missing, distances = [], []
    for portrait, other in zip(before, before[1:] + before[:1], strict=True):
        light = other.theta.illumination
        target = dataclasses.replace(portrait.theta, illumination=light)
        found = edited(stack, portrait, target, "illumination")
        asked, left = (
            edit.error(x.theta, target, "illumination") for x in (portrait, found)
        )
        missing.append(float((left / asked)[0]))
        distances.append(apart(stack, portrait, found))
    # Measured: 0.269 and 0.154.
    assert np.mean(missing) < 0.29
    assert np.mean(distances) < 0.175
