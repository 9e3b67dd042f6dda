import chex
import jax
import jax.numpy as jnp
import numpy as np

from experiments.visible_light import HALVED, colour_change, head, kept
from pie_jax.face.render import render_vertices
from tests import builders
from tests.experiments.mofa_heads_test import refitted
from tests.training.reconstruction_test import random_theta


def test_the_change_of_colours_is_that_of_a_rendering_and_tells_what_is_kept():
    model, theta = builders.toy_morphable(), random_theta(1)
    theta = theta.replace(reflectance=jnp.zeros_like(theta.reflectance))
    difference = np.random.default_rng(1).normal(size=27)
    other = theta.replace(illumination=theta.illumination + difference)
    before, after = (
        jax.jit(render_vertices, static_argnums=2)(model, x, 1) for x in (theta, other)
    )
    squares = np.sum(np.asarray(after.colours - before.colours) ** 2, axis=-1)
    expected = np.average(squares, weights=np.asarray(before.visible))
    change = colour_change(model, theta)
    np.testing.assert_allclose(difference @ change @ difference, expected, rtol=0.02)

    axes = np.asarray(builders.orthogonal(27, np.random.default_rng(0)), np.float64)
    effect = np.array([HALVED, 100 * HALVED, 0.0, *[1.0] * 24])
    shares = axes.T @ kept((axes * effect**2) @ axes.T) @ axes
    np.testing.assert_allclose(np.diag(shares)[:3], [0.5, 1.0, 0.0], atol=1e-3)
    np.testing.assert_allclose(shares - np.diag(np.diag(shares)), 0, atol=1e-6)


def test_mofa_then_says_that_light_and_all_else_as_before():
    rng = np.random.default_rng(0)
    shares, middle = rng.normal(size=(27, 27)), rng.normal(size=27)
    *_, before, after = refitted(lambda arrays: head(arrays, shares, middle))
    expected = middle + (np.asarray(before.illumination) - middle) @ shares.T
    np.testing.assert_allclose(after.illumination, expected, atol=1e-3)
    same = before.replace(illumination=after.illumination)
    chex.assert_trees_all_equal(same, after)
