import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from pie_jax.core import theta
from pie_jax.core.theta import SIZES
from pie_jax.networks import dlib_resnet, mofa, picture_vector
from tests import builders, checks

SMALL = mofa.MoFA(width=1 / 8, size=32, recognition_width=1 / 8)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(SMALL, (1, 32, 32, 3))


@jax.jit
def estimate(params, image):
    return SMALL.apply({"params": params}, image)


def random_image(resolution, batch=2, seed=0):
    rng = np.random.default_rng(seed)
    shape = (batch, resolution, resolution, 3)
    return jnp.asarray(rng.uniform(-1, 1, shape), jnp.result_type(float))


def test_without_features_it_is_the_neutral_face_and_pictures_may_be_enlarged(params):
    nothing = jax.tree.map(jnp.zeros_like, params)
    found = estimate(nothing, random_image(32))
    chex.assert_trees_all_equal(found, theta.neutral((2,)))
    image = random_image(32)
    larger = image.repeat(3, axis=1).repeat(3, axis=2)
    chex.assert_trees_all_close(
        estimate(params, image), estimate(params, larger), atol=1e-4
    )


def test_it_begins_near_the_neutral_face_and_the_chip_is_the_named_part():
    image = random_image(32)
    start = jax.jit(SMALL.init)(jax.random.key(0), image)["params"]
    found = estimate(start, image)
    apart = theta.to_vector(found) - theta.to_vector(theta.neutral((2,)))
    assert 0.01 < jnp.sqrt(jnp.mean(apart**2)) < 0.5
    assert jnp.abs(found.rotation).max() < 0.3
    assert jnp.abs(apart[0] - apart[1]).max() > 1e-3

    first = np.array([0.5, mofa.CHIP_DOWN]) - mofa.CHIP_WIDTH / 2
    box = tuple(64 * np.concatenate([first, first + mofa.CHIP_WIDTH]))
    image = random_image(64, batch=1)
    found = mofa.chip(image)
    for channel in range(3):
        part = Image.fromarray(np.asarray(image[0, :, :, channel]))
        expected = part.resize((150, 150), Image.Resampling.BILINEAR, box)
        np.testing.assert_allclose(found[0, :, :, channel], expected, atol=1e-4)


def test_who_it_is_tells_the_shape_of_the_head_and_gradients_are_true(params):
    images = random_image(32), random_image(32, seed=1)
    described = jax.jit(dlib_resnet.DlibResNet(SMALL.recognition_width).apply)
    told = described({"params": params[mofa.RECOGNITION]}, mofa.chip(images[0]))
    found = estimate(params, images[0])
    trained = {k: v for k, v in params.items() if k != mofa.RECOGNITION}
    apply = jax.jit(SMALL.apply)
    as_told = [apply({"params": trained}, image, told) for image in images]
    chex.assert_trees_all_close(as_told[0], found, atol=1e-4)
    chex.assert_trees_all_close(as_told[1].identity, found.identity, atol=1e-4)
    for name in ("rotation", "expression", "reflectance", "illumination"):
        apart = getattr(as_told[1], name) - getattr(found, name)
        assert jnp.abs(apart).max() > 1e-3

    def value(image):
        found = estimate(checks.double(params), image)
        return jnp.sum(jnp.sin(theta.to_vector(found)))

    image = random_image(40, batch=1)
    checks.assert_gradient(value, image, directions=3, rtol=1e-4)


@pytest.mark.parametrize("resolution", [16, 40, 256])
def test_pictures_of_any_resolution_give_all_of_theta(params, resolution):
    found = estimate(params, random_image(resolution))
    for name, size in SIZES.items():
        chex.assert_shape(getattr(found, name), (2, size))
    chex.assert_tree_all_finite(found)


@pytest.mark.parametrize("width", [0.3, 0.375, 0.6, 1.0])
def test_the_parameters_of_any_width_tell_it(width):
    def layout(width):
        blank = jnp.zeros((1, 32, 32, 3))
        init = mofa.MoFA(width, size=32, recognition_width=1 / 8).init
        return jax.eval_shape(init, jax.random.key(0), blank)["params"]

    told = picture_vector.width_of(layout(width))
    assert told == pytest.approx(width, abs=1 / 128)
    chex.assert_trees_all_equal(layout(told), layout(width))
