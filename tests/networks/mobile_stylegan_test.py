"""What is MobileStyleGAN's own; the rest holds of every style-based generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import mobile_stylegan
from tests import builders

WIDTHS = (12, 8, 4)
NETWORK = mobile_stylegan.mobile_stylegan(WIDTHS)
DRIVEN = (
    "first_modulation",
    "block0_up",
    "block0_conv1",
    "block0_conv2",
    "block1_up",
    "block1_conv1",
    "block1_conv2",
    "image_modulation",
)
"""What each row of a code drives, in order."""


@pytest.fixture(scope="module")
def params():
    return builders.random_params(lambda key: mobile_stylegan.init_params(key, WIDTHS))


def slow_layer(x, w, params):
    """Modulation, depthwise and pointwise convolution, noise, bias, leaky ReLU."""
    affine = params["modulation"]["affine"]
    scale = w @ np.asarray(affine["kernel"]) + np.asarray(affine["bias"])
    padded = np.pad(x * scale, ((1, 1), (1, 1), (0, 0)))
    result = np.zeros((*x.shape[:2], params["pointwise"].shape[1]))
    for i, j in np.ndindex(*x.shape[:2]):
        square = padded[i : i + 3, j : j + 3] * np.asarray(params["depthwise"])
        result[i, j] = square.sum(axis=(0, 1)) @ np.asarray(params["pointwise"])
    epilogue = params["epilogue"]
    result += np.asarray(epilogue["noise"]) + np.asarray(epilogue["bias"])
    return np.where(result > 0, result, 0.2 * result)


def test_a_separable_layer_agrees_with_loops(params):
    params = params["synthesis"]["block1_conv1"]
    rng = np.random.default_rng(3)
    channels = params["depthwise"].shape[-1]
    x = rng.normal(size=(2, 16, 16, channels)).astype(np.float32)
    w = rng.normal(size=(2, 512)).astype(np.float32)
    layer = mobile_stylegan.SeparableLayer(WIDTHS[2])
    result = layer.apply({"params": params}, x, w)
    expected = [slow_layer(*one, params) for one in zip(x, w, strict=True)]
    np.testing.assert_allclose(result, expected, atol=1e-3)


@jax.jit
def affine_outputs(params, w_plus):
    """What each affine makes of the code, by the name of the layer it belongs to."""
    module = mobile_stylegan.Synthesis(WIDTHS)
    _, state = module.apply(
        {"params": params["synthesis"]},
        w_plus[None],
        capture_intermediates=lambda module, _: module.name == "affine",
        mutable="intermediates",
    )
    paths = jax.tree.leaves_with_path(state["intermediates"])
    return {path[0].key: leaf for path, leaf in paths}


def test_each_row_of_the_code_drives_one_layer_in_order(params):
    rng = np.random.default_rng(1)
    w_plus = jnp.asarray(rng.normal(size=(NETWORK.num_ws, 512)), jnp.float32)
    before = affine_outputs(params, w_plus)
    assert set(before) == set(DRIVEN)
    for row, driven in enumerate(DRIVEN):
        after = affine_outputs(params, w_plus.at[row].add(1.0))
        changed = [name for name in DRIVEN if (before[name] != after[name]).any()]
        assert changed == [driven]


def test_features_are_what_the_blocks_at_32_and_64_pixels_give():
    widths = (4, 4, 4, 4, 8)
    params = builders.random_params(
        lambda key: mobile_stylegan.init_params(key, widths)
    )
    num_ws = mobile_stylegan.mobile_stylegan(widths).num_ws
    code = np.random.default_rng(4).normal(size=(1, num_ws, 512)).astype(np.float32)
    found = mobile_stylegan.features(params, jnp.asarray(code), widths)
    assert found.shape == (1, 64, 64, 4 + 8)
    coarse = found[..., :4]
    assert jnp.all(coarse[:, ::2, ::2] == coarse[:, 1::2, 1::2])
    # The finest block's last convolution and the image head come after them.
    later = code.copy()
    later[:, -1] += 1
    same = mobile_stylegan.features(params, jnp.asarray(later), widths)
    assert jnp.array_equal(found, same)
    later[:, -2] += 1
    changed = mobile_stylegan.features(params, jnp.asarray(later), widths)
    assert not jnp.array_equal(found[..., 4:], changed[..., 4:])
    assert jnp.array_equal(found[..., :4], changed[..., :4])
