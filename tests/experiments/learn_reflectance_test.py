import chex
import jax
import jax.numpy as jnp
import numpy as np

from experiments import learn_reflectance
from experiments.learn_reflectance import Unwrapped, fill, learn, look_up
from pie_jax.core.theta import neutral
from pie_jax.face.render import render_image, render_vertices
from tests import builders
from tests.training.reconstruction_test import random_theta


def test_vertices_that_are_never_seen_keep_their_colour_fits_begin_with_the_mean():
    model = builders.toy_morphable()
    rng = np.random.default_rng(0)
    count = len(model.mean)
    colours = rng.uniform(size=(20, count, 3)).astype(np.float32)
    seen = np.arange(count) != 5
    weights = np.tile(np.float32(seen), (20, 1))
    arrays = learn(model, Unwrapped(colours, weights), rounds=10, count=4)
    assert arrays["albedo"].shape == (4, count, 3)
    found = arrays["albedo_mean"]
    np.testing.assert_allclose(found[seen], colours.mean(axis=0)[seen], atol=1e-5)
    assert np.abs(found[5] - np.asarray(model.albedo_mean)[5]).max() < 0.2
    apply, params = learn_reflectance.estimator(None)
    theta = apply(params, jnp.zeros((3, 8, 8, 3)))
    chex.assert_trees_all_equal(theta, neutral((3,)))


def test_light_is_divided_out_and_what_hides_the_face_left_out():
    model, theta, size = builders.toy_morphable(), random_theta(2), 256
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


def low_rank(samples=80, size=30):
    """Data of three components: the data, and the components with one deviation."""
    rng = np.random.default_rng(0)
    axes = builders.orthogonal(size, rng)[:3] * np.array([[3.0], [2.0], [1.0]])
    scores = rng.normal(size=(samples, 3))
    scores -= scores.mean(axis=0)
    left, _, right = np.linalg.svd(scores, full_matrices=False)
    scores = left @ right * np.sqrt(samples)  # exactly uncorrelated, deviation 1
    return np.asarray(scores @ axes), np.asarray(axes), rng


def test_principal_components_are_found_through_gaps_and_a_shift_shifts_the_mean():
    data, axes, rng = low_rank()
    weights = (rng.random(data.shape) < 0.7).astype(float)
    hidden = np.where(weights > 0, data, 99.0)
    mean, found = fill(hidden, weights, rng.normal(size=axes.shape), rounds=300)
    np.testing.assert_allclose(mean, 0, atol=1e-3)
    signs = np.sign(np.sum(found * axes, axis=1, keepdims=True))
    np.testing.assert_allclose(found * signs, axes, atol=1e-3)
    weights = rng.uniform(0.3, 1, data.shape)
    mean, _ = fill(data + 5, weights, rng.normal(size=axes.shape), rounds=300)
    np.testing.assert_allclose(mean, 5, atol=1e-2)
