"""StyleGAN 1 with few channels: its interface, its gradient, its style inputs.

That its pictures are those of the published network is shown with its converter.
"""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import stylegan1

WIDTHS = (6, 5, 4)
NETWORK = stylegan1.stylegan1(WIDTHS, mapping_layers=2)
WRAPS = [jax.jit, lambda function: function]


def init(key):
    return stylegan1.init_params(key, WIDTHS, mapping_layers=2)


@pytest.fixture(scope="module")
def params():
    return random_params()


def random_params(dtype=jnp.float32):
    """Noise maps and their strengths, and the mean style, take part."""
    rng = np.random.default_rng(3)

    def draw(path, leaf):
        spread, mean = np.sqrt(2 / max(np.prod(leaf.shape[:-1]), 20)), 0.0
        if path[-1].key in ("noise", "const"):
            spread = 1.0
        if path[-2:][0].key == "affine" and path[-1].key == "bias":
            mean = 1.0
        return jnp.asarray(rng.normal(mean, spread, leaf.shape), dtype)

    return jax.tree.map_with_path(draw, jax.eval_shape(init, jax.random.key(0)))


def random_code(*batch):
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=(*batch, NETWORK.num_ws, 512)), jnp.float32)


@pytest.mark.parametrize(
    ("widths", "num_ws", "resolution"),
    [(stylegan1.FFHQ_WIDTHS, 18, 1024), ((8,), 2, 4), (WIDTHS, 6, 16)],
)
def test_the_generator_knows_its_size(widths, num_ws, resolution):
    network = stylegan1.stylegan1(widths)
    assert (network.num_ws, network.resolution) == (num_ws, resolution)
    layout = jax.eval_shape(
        lambda key: stylegan1.init_params(key, widths), jax.random.key(0)
    )
    assert stylegan1.sizes(layout) == (widths, 8)
    w_plus = jax.ShapeDtypeStruct((2, num_ws, 512), jnp.float32)
    image = jax.eval_shape(network.synthesis, layout, w_plus)
    assert (image.shape, image.dtype) == ((2, resolution, resolution, 3), jnp.float32)
    z = jax.ShapeDtypeStruct((2, 512), jnp.float32)
    w = jax.eval_shape(network.mapping, layout, z)
    assert (w.shape, w.dtype) == ((2, 512), jnp.float32)


def test_the_published_network_has_its_number_of_parameters():
    layout = jax.eval_shape(stylegan1.init_params, jax.random.key(0))
    trained = [
        np.prod(leaf.shape, dtype=int)
        for path, leaf in jax.tree.leaves_with_path(layout)
        if path[-1].key not in ("noise", "w_avg")
    ]
    assert sum(trained) == 26_219_627 - sum(
        3 * c + 3 for c in stylegan1.FFHQ_WIDTHS[:-1]
    )


def test_fresh_parameters_give_a_finite_image():
    network = stylegan1.stylegan1((4, 4), mapping_layers=1)
    fresh = jax.jit(lambda key: stylegan1.init_params(key, (4, 4), mapping_layers=1))
    params = fresh(jax.random.key(0))
    assert set(params) == {"mapping", "synthesis", "w_avg"}
    image = network.synthesis(params, random_code(1)[:, :4])
    chex.assert_tree_all_finite(image)
    assert image.std() > 0


def test_every_row_of_the_code_changes_the_image(params):
    synthesis = jax.jit(lambda w_plus: NETWORK.synthesis(params, w_plus[None])[0])
    w_plus = random_code()
    for row in range(NETWORK.num_ws):
        assert not np.allclose(synthesis(w_plus), synthesis(w_plus.at[row].add(1.0)))


@pytest.mark.parametrize("wrap", WRAPS)
def test_batched_and_mapped_codes_give_the_same_image(params, wrap):
    w_plus = random_code(3)
    batched = wrap(NETWORK.synthesis)(params, w_plus)
    chex.assert_shape(batched, (3, 16, 16, 3))
    chex.assert_type(batched, jnp.float32)
    mapped = wrap(jax.vmap(lambda one: NETWORK.synthesis(params, one[None])[0]))(w_plus)
    size = float(jnp.abs(batched).max())
    np.testing.assert_allclose(mapped, batched, atol=1e-5 * size)
    alone = NETWORK.synthesis(params, w_plus[1:2])[0]
    np.testing.assert_allclose(batched[1], alone, atol=1e-5 * size)


def test_mapped_gradients_need_no_grouped_convolution(params):
    def energy(w_plus):
        return jnp.mean(NETWORK.synthesis(params, w_plus[None]) ** 2)

    program = jax.jit(jax.vmap(jax.grad(energy))).lower(random_code(3)).as_text()
    groups = re.findall(r"(?:feature|batch)_group_count = (\d+)", program)
    assert groups and set(groups) == {"1"}


def test_gradient_by_the_code_agrees_with_finite_differences():
    with jax.enable_x64(True):
        params = random_params(jnp.float64)
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
