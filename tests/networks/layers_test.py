import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import layers
from tests import checks


def random_input(*batch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*batch, 2, 5, 6, 4)).astype(np.float32)
    return x, rng.normal(size=(*batch, 3, 3, 4)).astype(np.float32)


def grouped(x, kernel):
    return jax.lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def test_depthwise_convolution_agrees_with_loops_and_its_gradient_with_differences():
    x, kernel = random_input()
    result = layers.depthwise_conv3x3(x, kernel)
    chex.assert_shape(result, x.shape)
    chex.assert_type(result, jnp.float32)
    expected = np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*x.shape):
        for a, b in np.ndindex(3, 3):
            row, column = i + a - 1, j + b - 1
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                expected[n, i, j, c] += x[n, row, column, c] * kernel[a, b, c]
    np.testing.assert_allclose(result, expected, atol=1e-5)
    checks.assert_gradient(energy(layers.depthwise_conv3x3), x, kernel)


@pytest.mark.parametrize("wrap", checks.WRAPS)
def test_depthwise_values_and_gradients_are_the_grouped_convolutions(wrap):
    x, kernel = random_input()
    ours, expected = (
        wrap(jax.value_and_grad(energy(convolution), argnums=(0, 1)))(x, kernel)
        for convolution in (layers.depthwise_conv3x3, grouped)
    )
    chex.assert_trees_all_equal_shapes_and_dtypes(ours, expected)
    chex.assert_trees_all_close(ours, expected, rtol=1e-5, atol=1e-4)


def energy(convolution):
    return lambda x, kernel: jnp.sum(jnp.sin(convolution(x, kernel)))


@pytest.mark.parametrize("shared", [None, 0, 1])
def test_mapped_depthwise_values_and_gradients_agree_with_single_ones(shared):
    arguments = list(random_input(3))
    function = jax.value_and_grad(energy(layers.depthwise_conv3x3), argnums=(0, 1))
    if shared is None:
        checks.assert_maps(function, *arguments, atol=1e-4)
    else:
        one, other = arguments[shared][0], arguments[1 - shared]
        checks.assert_maps(
            lambda x: function(*((one, x) if shared == 0 else (x, one))),
            other,
            atol=1e-4,
        )


@pytest.mark.parametrize("wrap", checks.WRAPS)
def test_joined_channels_and_their_gradients_are_the_product_s(wrap):
    x, _ = random_input()
    kernel = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    ours, expected = (
        wrap(jax.value_and_grad(energy(join), argnums=(0, 1)))(x, kernel)
        for join in (layers.conv1x1, jnp.matmul)
    )
    chex.assert_trees_all_close(ours, expected, rtol=1e-5, atol=1e-4)
    checks.assert_gradient(energy(layers.conv1x1), x, kernel)


def test_leaky_relu_lengths_and_conv3x3_are_as_their_formulas():
    x = jnp.asarray([-5.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose(layers.leaky_relu(x), [-1, -0.2, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(
        jax.vmap(jax.grad(layers.leaky_relu))(x)[jnp.asarray([0, 1, 3])], [0.2, 0.2, 1]
    )
    z = np.random.default_rng(0).normal(3, 5, (4, 512)).astype(np.float32)
    result = layers.normalize_z(z)
    np.testing.assert_allclose(jnp.mean(result**2, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(result / result[:, :1], z / z[:, :1], rtol=1e-4)
    zeros = jnp.zeros((1, 8))
    assert not layers.normalize_z(zeros).any()
    gradient = jax.grad(lambda z: layers.normalize_z(z).sum())(zeros)
    chex.assert_tree_all_finite(gradient)

    keys = jax.random.split(jax.random.key(7), 3)
    x = jax.random.normal(keys[0], (2, 5, 6, 3))
    kernel = jax.random.normal(keys[1], (3, 3, 3, 4))
    weight = jax.random.normal(keys[2], (2, 5, 6, 4))

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def results(conv):
        def objective(x, kernel):
            found = conv(x, kernel)
            return jnp.sum(weight * found), found

        return jax.grad(objective, argnums=(0, 1), has_aux=True)(x, kernel)

    chex.assert_trees_all_close(
        results(layers.conv3x3), results(plain), rtol=1e-4, atol=1e-4
    )
