"""Learning how skin varies: known colours come back through light and gaps."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from experiments import learn_reflectance
from experiments.learn_reflectance import Unwrapped, learn, look_up
from pie_jax.core.theta import neutral
from pie_jax.face.render import render_image, render_vertices
from tests import builders
from tests.experiments.samples_test import shard
from tests.training.reconstruction_test import random_theta


def test_vertices_that_are_never_seen_keep_their_colour():
    model = builders.toy_morphable()
    rng = np.random.default_rng(0)
    count = len(model.mean)
    colours = rng.uniform(size=(20, count, 3)).astype(np.float32)
    weights = np.ones((20, count), np.float32)
    weights[:, 5] = 0
    arrays = learn(model, Unwrapped(colours, weights), rounds=10, count=4)
    np.testing.assert_array_equal(arrays["albedo_mean"].shape, (count, 3))
    np.testing.assert_array_equal(arrays["albedo"].shape, (4, count, 3))
    seen = np.arange(count) != 5
    np.testing.assert_allclose(
        arrays["albedo_mean"][seen], colours.mean(axis=0)[seen], atol=1e-5
    )
    before = np.asarray(model.albedo_mean)[5]
    assert np.abs(arrays["albedo_mean"][5] - before).max() < 0.2


def test_light_is_divided_out_and_what_hides_the_face_left_out():
    model = builders.toy_morphable()
    theta = random_theta(2)
    size = 256
    image, _ = render_image(model, theta, size)
    # A black bar across the frame hides part of the faces.
    image = image.at[:, 120:136].set(0)
    image_u8 = np.uint8(np.rint(255 * np.asarray(image)))
    found = jax.jit(look_up, static_argnums=(0, 2))(
        lambda params, image: params, model, 0, theta, image_u8, jnp.zeros((2, 68, 2))
    )
    rendering = render_vertices(model, theta, size)
    row = np.asarray(rendering.points[..., 1])
    hidden = (row > 121) & (row < 135)
    weights = np.asarray(found.weights)
    assert weights[hidden].max() < 0.1 < weights[~hidden].max()
    sure = weights > 0.5
    assert sure.sum() > 20
    np.testing.assert_allclose(
        np.asarray(found.albedo)[sure], np.asarray(rendering.albedo)[sure], atol=0.15
    )
    assert not np.any(weights[np.asarray(rendering.visible) == 0])


def test_all_samples_are_unwrapped_part_by_part(monkeypatch):
    monkeypatch.setattr(learn_reflectance, "_CHUNK", 2)
    calls = []

    def look(image_u8, landmarks):
        calls.append(len(image_u8))
        return Unwrapped(landmarks[:, :, :1].repeat(3, 2), landmarks[:, :, 1])

    chosen = shard(0, count=5, size=8)
    found = learn_reflectance.unwrap(look, chosen)
    assert calls == [2, 2, 1]
    np.testing.assert_array_equal(found.weights, chosen.landmarks[:, :, 1])


def test_without_mofa_fits_begin_with_the_mean_head():
    apply, params = learn_reflectance.estimator(None)
    theta = apply(params, jnp.zeros((3, 8, 8, 3)))
    chex.assert_trees_all_equal(theta, neutral((3,)))
