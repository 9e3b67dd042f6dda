import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import vgg_blocks


class Trunk(nn.Module):
    """All blocks, very narrow."""

    @nn.compact
    def __call__(self, x):
        return vgg_blocks.convolve(x, vgg_blocks.BLOCKS, 1 / 64)


def test_sizes_halve_from_block_to_block():
    x = jnp.zeros((2, 48, 32, 3))
    outputs, variables = jax.eval_shape(Trunk().init_with_output, jax.random.key(0), x)
    assert len(outputs) == len(variables["params"]) == 13
    for index, (features, names) in enumerate(vgg_blocks.BLOCKS):
        channels = features // 64
        for name in names:
            size = (2, 48 >> index, 32 >> index, channels)
            assert outputs[name].shape == size
            assert variables["params"][name]["kernel"].shape[-1] == channels


@pytest.mark.parametrize("size", [(6, 8), (7, 9)])
def test_pooling_is_the_maximum_of_each_square(size):
    x = np.asarray(jax.random.normal(jax.random.key(2), (2, *size, 3)))
    pooled = vgg_blocks.max_pool_2x2(jnp.asarray(x))
    assert pooled.shape == (2, size[0] // 2, size[1] // 2, 3)
    for row, column in np.ndindex(*pooled.shape[1:3]):
        square = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(pooled[:, row, column], square.max((1, 2)))


def test_pooling_gives_the_gradient_to_the_maximum_or_all_that_are_equal():
    x = jax.random.normal(jax.random.key(3), (1, 4, 4, 2))
    gradient = jax.grad(lambda x: vgg_blocks.max_pool_2x2(x).sum())(x)
    is_maximum = x == jnp.repeat(jnp.repeat(vgg_blocks.max_pool_2x2(x), 2, 1), 2, 2)
    np.testing.assert_array_equal(gradient, is_maximum.astype(jnp.float32))
    gradient = jax.grad(lambda x: vgg_blocks.max_pool_2x2(x).sum())(
        jnp.zeros((1, 4, 4, 1))
    )
    np.testing.assert_allclose(gradient, 0.25)
