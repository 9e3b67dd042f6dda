import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import resnet
from tests import builders, checks

NETWORK = resnet.ResNet18(1 / 16)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(NETWORK, (1, 32, 32, 3))


@pytest.fixture(scope="module")
def apply(params):
    return jax.jit(lambda image: NETWORK.apply({"params": params}, image))


def images(height=32, width=64, seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(-1, 1, (2, height, width, 3)), jnp.float32)


def test_features_at_four_scales_do_not_depend_on_other_pictures(apply):
    features = apply(images())
    shapes = [(2, 32 // s, 64 // s, c) for s, c in zip((4, 8, 16, 32), (4, 8, 16, 32))]
    chex.assert_shape(features, shapes)
    chex.assert_tree_all_finite(features)
    assert all(jnp.all(x >= 0) and jnp.any(x > 0) for x in features)
    other = apply(images().at[1].set(0.3))[-1]
    both = features[-1]
    np.testing.assert_allclose(both[0], other[0], atol=1e-6)
    assert np.abs(both[1] - other[1]).max() > 1e-2


def test_full_width_has_the_parameters_of_resnet18_and_other_sides_are_refused():
    init = resnet.ResNet18().init
    blank = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    layout = jax.eval_shape(init, jax.random.key(0), blank)["params"]
    assert layout["stage3_block0"]["conv1"]["kernel"].shape == (3, 3, 256, 512)
    # 11.2 million without its classifier (He et al., table 1).
    total = sum(leaf.size for leaf in jax.tree.leaves(layout))
    assert total == pytest.approx(11.2e6, rel=0.01)
    with pytest.raises(ValueError, match=r"multiples of 32 .* \(40, 64\)"):
        jax.eval_shape(NETWORK.init, jax.random.key(0), images(40))


@pytest.mark.parametrize(
    ("channels", "groups"), [(32, 2), (8, 1), (24, 1), (56, 2), (77, 1)]
)
def test_normalisation_agrees_with_loops(channels, groups):
    rng = np.random.default_rng(1)
    x = rng.normal(3, 2, (2, 3, 5, channels))
    scale, bias = rng.normal(size=(2, channels))
    params = {"scale": jnp.asarray(scale), "bias": jnp.asarray(bias)}
    found = resnet.GroupNorm().apply({"params": params}, jnp.asarray(x))
    size = channels // groups
    expected = np.zeros(x.shape)
    for b, g in np.ndindex(2, groups):
        part = slice(g * size, (g + 1) * size)
        group = x[b, ..., part]
        unit = (group - group.mean()) / np.sqrt(group.var() + 1e-5)
        expected[b, ..., part] = unit * scale[part] + bias[part]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_constant_picture_has_finite_gradients_and_a_blocks_are_true(params):
    def loss(params):
        image = jnp.full((1, 32, 32, 3), 0.7)
        return NETWORK.apply({"params": params}, image)[-1].sum()

    chex.assert_tree_all_finite(jax.jit(jax.grad(loss))(params))

    block = resnet.Block(4, down=True)
    x = np.random.default_rng(2).normal(size=(1, 4, 4, 3))
    own = builders.module_params(block, x)
    checks.assert_gradient(
        lambda x: jnp.sum(jnp.sin(block.apply({"params": checks.double(own)}, x))), x
    )
