import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import vgg
from tests import builders, checks

MODULE = vgg.VGG16(width=1 / 16)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(MODULE, (1, 16, 16, 3))


def features(params, image):
    return MODULE.apply({"params": params}, image)


def random_image(shape=(2, 16, 24, 3)):
    return jax.random.uniform(jax.random.key(1), shape, minval=-1, maxval=1)


def test_features_have_the_documented_shapes_of_images_not_too_small(params):
    shapes = jax.eval_shape(
        vgg.VGG16().init_with_output, jax.random.key(0), jnp.zeros((2, 64, 48, 3))
    )[0]
    assert {tap: value.shape for tap, value in shapes.items()} == {
        "conv1_1": (2, 64, 48, 64),
        "conv1_2": (2, 64, 48, 64),
        "conv3_2": (2, 16, 12, 256),
        "conv4_2": (2, 8, 6, 512),
    }
    chex.assert_type(list(shapes.values()), jnp.float32)
    with pytest.raises(ValueError, match="at least 8"):
        features(params, jnp.zeros((1, 16, 7, 3)))


def test_features_are_taken_after_the_relu_and_nothing_above_them_has_parameters(
    params,
):
    assert set(params) == {"mean", *(x for _, names in vgg.BLOCKS for x in names)}
    assert "block4_conv2" in params and "block4_conv3" not in params
    for value in features(params, random_image()).values():
        assert value.min() == 0 and value.max() > 0


def test_mapped_images_give_the_same_features_with_their_gradient(params):
    image = random_image()
    batched = features(params, image)
    mapped = jax.vmap(jax.jit(lambda one: features(params, one[None])))(image)
    mapped = {tap: value[:, 0] for tap, value in mapped.items()}
    chex.assert_trees_all_close(batched, mapped, atol=1e-3, rtol=1e-4)

    def energy(image):
        taps = features(checks.double(params), image)
        return sum(jnp.sum(tap**2) for tap in taps.values()) / 1e6

    image = random_image((1, 8, 8, 3))
    checks.assert_gradient(energy, image, directions=3, rtol=1e-5)


def test_first_layer_sees_bgr_pixels_without_their_mean_which_is_beyond_the_border(
    params,
):
    key, image = jax.random.key(0), jnp.zeros((1, 8, 8, 3))
    mean = vgg.VGG16(width=1 / 64).init(key, image)["params"]["mean"]
    np.testing.assert_allclose(mean, [103.939, 116.779, 123.68])
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    kernel[1, 1, 0, 0] = kernel[1, 1, 2, 1] = 1  # the first and the last input channel
    first = {"kernel": kernel, "bias": np.zeros(4, np.float32)}
    red_128_green_0_blue_255 = jnp.asarray([128 / 127.5 - 1, -1.0, 1.0])
    image = jnp.broadcast_to(red_128_green_0_blue_255, (1, 8, 8, 3))
    mean = jnp.asarray([100.0, 110.0, 120.0])
    given = params | {"block1_conv1": first, "mean": mean}
    tap = features(given, image)["conv1_1"]
    np.testing.assert_allclose(tap[..., 0], 255 - 100, rtol=1e-5)
    np.testing.assert_allclose(tap[..., 1], 128 - 120, rtol=1e-4)

    mean = jnp.asarray([100.0, 110.0, 120.0])
    image = jnp.broadcast_to(mean[::-1] / 127.5 - 1, (1, 8, 8, 3))
    tap = features(params | {"mean": mean}, image)["conv1_1"]
    bias = jnp.maximum(params["block1_conv1"]["bias"], 0)
    np.testing.assert_allclose(tap, jnp.broadcast_to(bias, tap.shape), atol=1e-3)
