"""MobileStyleGAN with few channels: its interface and its order of style inputs."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import mobile_stylegan
from tests import builders

WIDTHS = (12, 8, 4)
NETWORK = mobile_stylegan.mobile_stylegan(WIDTHS)
WRAPS = [jax.jit, lambda function: function]
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


def random_code(*batch):
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=(*batch, NETWORK.num_ws, 512)), jnp.float32)


@pytest.mark.parametrize(
    ("widths", "num_ws", "resolution"),
    [
        (mobile_stylegan.FFHQ_WIDTHS, 23, 1024),
        ((8,), 2, 8),
        ((8, 8), 5, 16),
        (WIDTHS, 8, 32),
    ],
)
def test_the_generator_knows_its_size(widths, num_ws, resolution):
    network = mobile_stylegan.mobile_stylegan(widths)
    assert (network.num_ws, network.resolution) == (num_ws, resolution)
    layout = jax.eval_shape(
        lambda key: mobile_stylegan.init_params(key, widths), jax.random.key(0)
    )
    w_plus = jax.ShapeDtypeStruct((2, num_ws, 512), jnp.float32)
    image = jax.eval_shape(network.synthesis, layout, w_plus)
    assert (image.shape, image.dtype) == ((2, resolution, resolution, 3), jnp.float32)
    w = jax.eval_shape(
        network.mapping, layout, jax.ShapeDtypeStruct((2, 512), jnp.float32)
    )
    assert (w.shape, w.dtype) == ((2, 512), jnp.float32)


def test_fresh_parameters_give_a_finite_image():
    init = jax.jit(lambda key: mobile_stylegan.init_params(key, (4, 4)))
    params = init(jax.random.key(0))
    assert set(params) == {"mapping", "synthesis", "w_avg"}
    network = mobile_stylegan.mobile_stylegan((4, 4))
    image = network.synthesis(params, jnp.ones((1, network.num_ws, 512)))
    chex.assert_tree_all_finite(image)
    assert image.std() > 0


def test_the_mapping_agrees_with_numpy(params):
    z = np.random.default_rng(2).normal(2, 3, (3, 512)).astype(np.float32)
    x = z / np.sqrt((z**2).mean(axis=1, keepdims=True))
    for i in range(8):
        layer = params["mapping"][f"dense{i}"]
        x = x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
        x = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(NETWORK.mapping(params, z), x, rtol=1e-3, atol=1e-3)


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
    return {path[0].key: np.asarray(leaf) for path, leaf in paths}


@pytest.mark.parametrize("row", range(NETWORK.num_ws))
def test_each_row_of_the_code_drives_one_layer_in_order(params, row):
    w_plus = random_code()
    before = affine_outputs(params, w_plus)
    after = affine_outputs(params, w_plus.at[row].add(1.0))
    assert set(before) == set(DRIVEN)
    changed = [name for name in DRIVEN if (before[name] != after[name]).any()]
    assert changed == [DRIVEN[row]]


def test_every_row_of_the_code_changes_the_image(params):
    synthesis = jax.jit(lambda w_plus: NETWORK.synthesis(params, w_plus[None])[0])
    w_plus = random_code()
    for row in range(NETWORK.num_ws):
        assert not np.allclose(synthesis(w_plus), synthesis(w_plus.at[row].add(1.0)))


@pytest.mark.parametrize("wrap", WRAPS)
def test_batched_and_mapped_codes_give_the_same_image(params, wrap):
    w_plus = random_code(3)
    batched = wrap(NETWORK.synthesis)(params, w_plus)
    chex.assert_shape(batched, (3, 32, 32, 3))
    chex.assert_type(batched, jnp.float32)
    mapped = wrap(jax.vmap(lambda one: NETWORK.synthesis(params, one[None])[0]))(w_plus)
    size = float(jnp.abs(batched).max())
    np.testing.assert_allclose(mapped, batched, atol=1e-5 * size)
    alone = NETWORK.synthesis(params, w_plus[1:2])[0]
    np.testing.assert_allclose(batched[1], alone, atol=1e-5 * size)


def test_gradient_by_the_code_agrees_with_finite_differences():
    with jax.enable_x64(True):
        params = builders.random_params(
            lambda key: mobile_stylegan.init_params(key, WIDTHS)
        )
        params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
        w_plus = random_code().astype(jnp.float64)
        value_and_grad = jax.jit(
            jax.value_and_grad(
                lambda w_plus: jnp.mean(NETWORK.synthesis(params, w_plus[None]) ** 2)
            )
        )
        _, gradient = value_and_grad(w_plus)
        rng, step = np.random.default_rng(4), 1e-6
        for row in range(NETWORK.num_ws):
            direction = jnp.zeros_like(w_plus).at[row].set(rng.normal(size=512))
            above, _ = value_and_grad(w_plus + step * direction)
            below, _ = value_and_grad(w_plus - step * direction)
            np.testing.assert_allclose(
                jnp.vdot(gradient, direction), (above - below) / (2 * step), rtol=1e-5
            )
