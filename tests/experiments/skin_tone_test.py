import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import skin_tone
from experiments.fitting import Estimator
from experiments.mofa_heads import Affine
from experiments.skin_tone import Faces, ridge
from pie_jax.core.errors import PieError
from pie_jax.core.theta import neutral
from pie_jax.networks import dlib_resnet, mofa
from tests import builders
from tests.experiments.mofa_heads_test import refitted

COUNT = 2000


def population(model):
    """Faces of which MoFA says that all have one skin, and only light differs; the pictures
    show skin that goes with the first number of the person, in lamps that do not."""
    rng = np.random.default_rng(0)
    person = rng.normal(size=(COUNT, 128))
    skin = 0.1 * person[:, :1]
    lamp = 0.2 * rng.normal(size=(COUNT, 1))
    theta = jax.tree.map(np.asarray, neutral((COUNT,)))
    colour = np.asarray(model.albedo_mean).mean(axis=0) * np.exp(skin + lamp)
    theta = theta.replace(reflectance=0.1 * rng.normal(size=(COUNT, 80)))
    theta = theta.replace(illumination=theta.illumination * np.exp(skin + lamp))
    visible = np.ones((COUNT, len(model.albedo_mean)))
    return Faces(theta, person, 0 * person, colour, visible), skin, lamp


def test_what_goes_with_the_person_is_skin_and_what_does_not_is_light():
    model = builders.toy_morphable()
    faces, skin, lamp = population(model)
    rule = skin_tone.rule(model, faces)
    told = np.log(rule.told(faces.person)).mean(axis=1)
    slope, _ = np.polyfit(skin[:, 0], told, 1)
    assert 0.85 < slope < 1.05
    assert abs(np.corrcoef(told, lamp[:, 0])[0, 1]) < 0.2
    # The mean over faces stays.
    now = rule.painted(faces.theta.reflectance).mean(axis=0)
    np.testing.assert_allclose(rule.told(faces.person).mean(axis=0), now, rtol=1e-6)


def test_what_wobbles_tells_less():
    model = builders.toy_morphable()
    faces, *_ = population(model)
    steady = skin_tone.rule(model, faces)
    wobble = np.zeros_like(faces.person)
    wobble[:, 0] = np.random.default_rng(1).normal(size=COUNT)
    noisy = skin_tone.rule(model, faces._replace(wobble=wobble))
    share = np.linalg.norm(noisy.told.kernel[0]) / np.linalg.norm(steady.told.kernel[0])
    assert 0.45 < share < 0.6  # as much noise as there is to tell: half


def test_a_look_tells_what_the_picture_has():
    network = mofa.MoFA(width=1 / 8, size=32, recognition_width=1.0)
    model = builders.toy_morphable()
    image_u8 = np.full((2, 128, 128, 3), [200, 150, 100], np.uint8)
    image_u8[1] //= 2
    params = builders.module_params(network, jnp.zeros((1, 32, 32, 3)))

    def apply(params, image):
        return network.apply({"params": params}, image)

    faces = skin_tone.look(model, Estimator(apply, params), image_u8)
    np.testing.assert_allclose(faces.colour, image_u8[:, 0, 0] / 255, atol=1e-3)
    assert faces.person.shape == faces.wobble.shape == (2, 128)
    assert (np.abs(faces.wobble).max(axis=1) > 0).all()


def test_skin_is_painted_evenly_and_light_keeps_the_product():
    model = builders.toy_morphable()
    faces, *_ = population(model)
    rule = skin_tone.rule(model, faces)
    change = np.array([[-0.02, 0.01, 0.03]])
    painted = rule.painted(rule.paint(change)) - rule.painted.constant
    np.testing.assert_allclose(painted, change, atol=1e-8)
    theta = faces.theta
    known = (theta.illumination, theta.reflectance, faces.person)
    after = theta.illumination + skin_tone.light(rule, faces)(np.hstack(known))
    product = after[:, :3] * rule.told(faces.person)
    expected = theta.illumination[:, :3] * rule.painted(theta.reflectance)
    assert np.abs(product / expected - 1).mean() < 0.02


def test_mofa_then_says_so_and_all_else_as_before():
    rng = np.random.default_rng(0)
    rule = skin_tone.Skin(
        painted=linear(rng, 80, 3), told=linear(rng, 128, 3), paint=linear(rng, 3, 80)
    )
    light = linear(rng, 27 + 80 + 128, 27)
    image, params, before, after = refitted(
        lambda arrays: skin_tone.heads(arrays, rule, light)
    )
    recognition = dlib_resnet.DlibResNet(1 / 8)
    known = {"params": params[mofa.RECOGNITION]}
    person = mofa.DESCRIPTOR_SCALE * recognition.apply(known, mofa.chip(image))
    lacks = rule.told(person) - rule.painted(before.reflectance)
    paint = before.reflectance + rule.paint(lacks)
    np.testing.assert_allclose(after.reflectance, paint, atol=2e-3)
    seen = np.hstack([before.illumination, before.reflectance, person])
    expected = before.illumination + light(seen)
    np.testing.assert_allclose(after.illumination, expected, atol=2e-3)
    np.testing.assert_array_equal(after.rotation, before.rotation)
    np.testing.assert_array_equal(after.identity, before.identity)


def linear(rng, rows, columns):
    """Any map of rows."""
    kernel = 0.1 * rng.normal(size=(rows, columns))
    return Affine(kernel, np.zeros(columns) if rows == 3 else rng.normal(size=columns))


def test_ridge_regression_is_that_of_least_squares_where_it_is_weak():
    rng = np.random.default_rng(0)
    inputs, kernel = rng.normal(size=(50, 4)) * [1, 5, 0.1, 2], rng.normal(size=(4, 2))
    found = ridge(inputs, inputs @ kernel + 3, 1e-9)
    np.testing.assert_allclose(found(inputs), inputs @ kernel + 3, atol=1e-6)


def test_lightness_is_that_of_the_cie():
    greys = np.array([0, 13, 119, 255])[:, None] * np.ones(3) / 255
    # Lindbloom's calculator, sRGB and D65.
    np.testing.assert_allclose(
        skin_tone.lightness(greys), [0, 3.65, 50.03, 100], atol=0.02
    )


def test_the_table_sorts_by_skin():
    model = builders.toy_morphable()
    faces, *_ = population(model)
    rule = skin_tone.rule(model, faces)
    lines = skin_tone.table(rule, faces, faces.theta).splitlines()
    assert lines[0].split() == [
        *("told", "picture", "albedo", "before", "albedo", "after")
    ]
    told = [float(line.split()[0]) for line in lines[1:]]
    assert len(told) == 6 and told == sorted(told)


def test_faces_that_show_no_skin_are_left_out():
    faces, *_ = population(builders.toy_morphable())
    colour = faces.colour.copy()
    colour[0], colour[1, 2] = np.nan, 0
    kept = skin_tone.usable(faces._replace(colour=colour))
    np.testing.assert_array_equal(kept.person, faces.person[2:])
    with pytest.raises(PieError, match="no sample shows skin"):
        skin_tone.usable(faces._replace(colour=0 * colour))
