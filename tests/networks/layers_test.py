"""Layers: the depthwise step against XLA's grouped convolution, and its gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import layers

WRAPS = [jax.jit, lambda function: function]


def random_input(batch=2, dtype=np.float32):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 5, 6, 4)).astype(dtype)
    return x, rng.normal(size=(3, 3, 4)).astype(dtype)


def grouped(x, kernel):
    return jax.lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@pytest.mark.parametrize("wrap", WRAPS)
def test_depthwise_convolution_agrees_with_loops(wrap):
    x, kernel = random_input()
    result = wrap(layers.depthwise_conv3x3)(x, kernel)
    chex.assert_shape(result, x.shape)
    chex.assert_type(result, jnp.float32)
    expected = np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*x.shape):
        for a, b in np.ndindex(3, 3):
            row, column = i + a - 1, j + b - 1
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                expected[n, i, j, c] += x[n, row, column, c] * kernel[a, b, c]
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("wrap", WRAPS)
def test_depthwise_convolution_agrees_with_the_grouped_one(wrap):
    x, kernel = random_input()
    result = wrap(layers.depthwise_conv3x3)(x, kernel)
    np.testing.assert_allclose(result, grouped(x, kernel), atol=1e-5)


def energy(convolution):
    return lambda x, kernel: jnp.sum(jnp.sin(convolution(x, kernel)))


@pytest.mark.parametrize("wrap", WRAPS)
def test_depthwise_gradients_agree_with_the_grouped_convolutions(wrap):
    x, kernel = random_input()
    ours = wrap(jax.grad(energy(layers.depthwise_conv3x3), argnums=(0, 1)))(x, kernel)
    expected = jax.grad(energy(grouped), argnums=(0, 1))(x, kernel)
    chex.assert_trees_all_equal_shapes_and_dtypes(ours, expected)
    chex.assert_trees_all_close(ours, expected, atol=1e-4)


@pytest.mark.parametrize("argument", [0, 1], ids=["x", "kernel"])
def test_depthwise_gradients_agree_with_finite_differences(argument):
    with jax.enable_x64(True):
        arguments = [jnp.asarray(a) for a in random_input(1, np.float64)]
        function = jax.jit(energy(layers.depthwise_conv3x3))
        gradient = jax.grad(function, argnums=argument)(*arguments)
        assert gradient.dtype == jnp.float64
        step = 1e-6
        for index in np.ndindex(*gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = list(arguments)
                moved[argument] = moved[argument].at[index].add(sign * step)
                ends.append(function(*moved))
            difference = (ends[0] - ends[1]) / (2 * step)
            np.testing.assert_allclose(gradient[index], difference, atol=1e-7)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0)])
def test_mapped_depthwise_values_and_gradients_agree_with_single_ones(wrap, in_axes):
    rng = np.random.default_rng(1)
    x, kernel = random_input()
    arguments = [
        argument if axis is None else rng.normal(size=(3, *argument.shape))
        for argument, axis in zip((x, kernel), in_axes, strict=True)
    ]
    arguments = [jnp.asarray(argument, jnp.float32) for argument in arguments]
    function = jax.value_and_grad(energy(layers.depthwise_conv3x3), argnums=(0, 1))
    mapped = wrap(jax.vmap(function, in_axes))(*arguments)
    for i in range(3):
        single = function(
            *(
                a if axis is None else a[i]
                for a, axis in zip(arguments, in_axes, strict=True)
            )
        )
        chex.assert_trees_all_close(
            jax.tree.map(lambda leaf, i=i: leaf[i], mapped), single, atol=1e-4
        )


def test_leaky_relu_keeps_a_fifth_of_the_negative():
    x = jnp.asarray([-5.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose(layers.leaky_relu(x), [-1, -0.2, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(
        jax.vmap(jax.grad(layers.leaky_relu))(x)[jnp.asarray([0, 1, 3])], [0.2, 0.2, 1]
    )


def test_normalised_draws_have_unit_mean_square():
    z = np.random.default_rng(0).normal(3, 5, (4, 512)).astype(np.float32)
    result = layers.normalize_z(z)
    np.testing.assert_allclose(jnp.mean(result**2, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(result / result[:, :1], z / z[:, :1], rtol=1e-4)


def test_a_draw_of_zeros_is_normalised_to_zeros_with_a_finite_gradient():
    z = jnp.zeros((1, 8))
    assert not layers.normalize_z(z).any()
    chex.assert_tree_all_finite(jax.grad(lambda z: layers.normalize_z(z).sum())(z))


@pytest.mark.parametrize("wrt", [0, 1])
def test_conv3x3_has_the_values_and_gradients_of_a_plain_convolution(wrt):
    keys = jax.random.split(jax.random.key(7), 3)
    x = jax.random.normal(keys[0], (2, 5, 6, 3))
    kernel = jax.random.normal(keys[1], (3, 3, 3, 4))
    weight = jax.random.normal(keys[2], (2, 5, 6, 4))

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    def objective(conv):
        return lambda *arguments: jnp.sum(weight * conv(*arguments))

    chex.assert_trees_all_close(
        layers.conv3x3(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5
    )
    chex.assert_trees_all_close(
        jax.grad(objective(layers.conv3x3), argnums=wrt)(x, kernel),
        jax.grad(objective(plain), argnums=wrt)(x, kernel),
        rtol=1e-4,
        atol=1e-4,
    )
