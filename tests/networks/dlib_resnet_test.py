import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import dlib_resnet
from tests import builders, checks

MODULE = dlib_resnet.DlibResNet(width=1 / 16)
CHIP_SHAPE = (2, dlib_resnet.CHIP_SIZE, dlib_resnet.CHIP_SIZE, 3)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(MODULE, CHIP_SHAPE)


def describe(params, chip):
    return MODULE.apply({"params": params}, chip)


def random_chip():
    return jax.random.uniform(jax.random.key(1), CHIP_SHAPE, minval=-1, maxval=1)


def output_shapes(module, chip_shape=CHIP_SHAPE):
    """The output's shape of every submodule by its name."""
    variables = jax.eval_shape(
        lambda: module.init(
            jax.random.key(0), jnp.zeros(chip_shape), capture_intermediates=True
        )
    )
    outputs = variables["intermediates"]
    return {
        name: outputs[name]["__call__"][0].shape[1:]
        for name in outputs
        if name != "__call__"
    }


def test_every_level_has_dlibs_size_and_the_29_convolutions_are_named(params):
    shapes = output_shapes(dlib_resnet.DlibResNet())
    assert shapes["stem"] == (72, 72, 32)
    assert shapes["level32_3"] == (35, 35, 32)
    assert shapes["level64_3"] == (17, 17, 64)
    assert shapes["level128_2"] == (8, 8, 128)
    assert shapes["level256_2"] == (4, 4, 256)  # 3 extended to 4
    assert shapes["level256_down_out"] == (2, 2, 256)  # 1 extended to 2
    assert shapes["fc"] == (128,)
    names = dlib_resnet.convolution_names()
    assert len(names) == len(set(names)) == 29
    paths, _ = zip(*jax.tree.flatten_with_path(params)[0], strict=True)
    joined = {"/".join(entry.key for entry in path) for path in paths}
    convolutions = {f"{name}/{leaf}" for name in names for leaf in ("kernel", "bias")}
    assert joined == convolutions | {"fc/kernel"}


def test_mapped_chips_give_the_same_descriptor_with_its_gradient_others_are_refused(
    params,
):
    chips = random_chip()
    batched = jax.jit(describe)(params, chips)
    chex.assert_shape(batched, (2, 128))
    chex.assert_type(batched, jnp.float32)
    mapped = jax.vmap(jax.jit(lambda one: describe(params, one[None])[0]))(chips)
    np.testing.assert_allclose(batched, mapped, atol=1e-4)
    np.testing.assert_allclose(batched, describe(params, chips), atol=1e-4)
    with pytest.raises(AssertionError, match="150"):
        describe(params, jnp.zeros((1, 149, 150, 3)))

    checks.assert_gradient(
        lambda chip: jnp.sum(describe(checks.double(params), chip) ** 2),
        random_chip()[:1],
        directions=1,
        step=1e-7,
        rtol=1e-4,
    )


def test_the_mean_colour_enters_as_zero_and_shortcuts_of_strided_blocks_average(params):
    mean_chip = jnp.asarray(dlib_resnet.MEAN_RGB) / 127.5 - 1
    chip = jnp.broadcast_to(mean_chip, CHIP_SHAPE)
    _, state = MODULE.apply(
        {"params": params}, chip, capture_intermediates=True, mutable="intermediates"
    )
    stem = state["intermediates"]["stem"]["__call__"][0]
    expected = jnp.broadcast_to(params["stem"]["bias"], stem.shape)
    np.testing.assert_allclose(stem, expected, atol=1e-5)
    block = dlib_resnet.ResidualBlock(features=4, down=True)
    x = jax.random.uniform(jax.random.key(2), (1, 6, 6, 2))
    own = block.init(jax.random.key(3), x)
    result = block.apply(jax.tree.map(jnp.zeros_like, own), x)
    averages = np.asarray(x).reshape(1, 3, 2, 3, 2, 2).mean((2, 4))
    np.testing.assert_allclose(result[..., :2], averages, rtol=1e-6)
    assert result.shape == (1, 3, 3, 4) and not result[..., 2:].any()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, 3, 3, 2), (1, 4, 4, 1)),
        ((1, 3, 3, 1), (1, 3, 3, 2)),
        ((1, 4, 2, 1), (1, 3, 3, 2)),
    ],
)
def test_addition_extends_the_smaller_operand_by_zeros_at_the_end(first, second):
    a = np.arange(1, 1 + np.prod(first), dtype=np.float32).reshape(first)
    b = 100 * np.arange(1, 1 + np.prod(second), dtype=np.float32).reshape(second)
    expected = np.zeros(np.maximum(first, second), np.float32)
    expected[tuple(slice(size) for size in first)] += a
    expected[tuple(slice(size) for size in second)] += b
    np.testing.assert_array_equal(dlib_resnet.add_extended(a, b), expected)
