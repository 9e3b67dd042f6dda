"""What holds of every style-based generator; converters' tests have the pictures."""

import functools
import re
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.interfaces import Generator
from pie_jax.networks import mobile_stylegan, stylegan1, stylegan2
from tests import checks


class Small(NamedTuple):
    """A small network: how it is built, and from what."""

    module: Any
    build: Any
    sizes: tuple

    @property
    def generator(self) -> Generator:
        return self.build(*self.sizes)

    def init(self, key):
        return self.module.init_params(key, *self.sizes)


NETWORKS = {
    "stylegan1": Small(stylegan1, stylegan1.stylegan1, ((6, 5, 4), 2)),
    "stylegan2": Small(stylegan2, stylegan2.stylegan2, ((6, 5, 4), 2)),
    "mobile_stylegan": Small(
        mobile_stylegan, mobile_stylegan.mobile_stylegan, ((12, 8, 4),)
    ),
}


@pytest.fixture(params=NETWORKS)
def small(request):
    return NETWORKS[request.param]


@pytest.fixture
def generator(small):
    return small.generator


@pytest.fixture
def params(small):
    return random_params(small)


@functools.cache
def random_params(small, dtype=jnp.float32):
    """Noise maps and their strengths, and the mean style, take part."""
    rng = np.random.default_rng(3)

    def draw(path, leaf):
        spread, mean = np.sqrt(2 / max(np.prod(leaf.shape[:-1]), 20)), 0.0
        if path[-1].key in ("noise", "const"):
            spread = 1.0
        if path[-2:][0].key == "affine" and path[-1].key == "bias":
            mean = 1.0
        return jnp.asarray(rng.normal(mean, spread, leaf.shape), dtype)

    return jax.tree.map_with_path(draw, jax.eval_shape(small.init, jax.random.key(0)))


def random_code(generator, *batch):
    rng = np.random.default_rng(1)
    return jnp.asarray(rng.normal(size=(*batch, generator.num_ws, 512)), jnp.float32)


@pytest.mark.parametrize(
    ("name", "widths", "num_ws", "resolution"),
    [
        ("stylegan1", stylegan1.FFHQ_WIDTHS, 18, 1024),
        ("stylegan1", (8,), 2, 4),
        ("stylegan1", (6, 5, 4), 6, 16),
        ("stylegan2", stylegan2.FFHQ_WIDTHS, 18, 1024),
        ("stylegan2", (8,), 2, 4),
        ("stylegan2", (6, 5, 4), 6, 16),
        ("mobile_stylegan", mobile_stylegan.FFHQ_WIDTHS, 23, 1024),
        ("mobile_stylegan", (8,), 2, 8),
        ("mobile_stylegan", (8, 8), 5, 16),
        ("mobile_stylegan", (12, 8, 4), 8, 32),
    ],
)
def test_the_generator_knows_its_size(name, widths, num_ws, resolution):
    small = NETWORKS[name]._replace(sizes=(widths,))
    generator = small.generator
    assert (generator.num_ws, generator.resolution) == (num_ws, resolution)
    layout = jax.eval_shape(small.init, jax.random.key(0))
    w_plus = jax.ShapeDtypeStruct((2, num_ws, 512), jnp.float32)
    image = jax.eval_shape(generator.synthesis, layout, w_plus)
    assert (image.shape, image.dtype) == ((2, resolution, resolution, 3), jnp.float32)
    z = jax.ShapeDtypeStruct((2, 512), jnp.float32)
    w = jax.eval_shape(generator.mapping, layout, z)
    assert (w.shape, w.dtype) == ((2, 512), jnp.float32)


@pytest.mark.parametrize("module", [stylegan1, stylegan2])
@pytest.mark.parametrize(
    ("widths", "mapping_layers"), [(None, 8), ((8,), 8), ((6, 5, 4), 2)]
)
def test_parameters_tell_their_sizes(module, widths, mapping_layers):
    widths = widths or module.FFHQ_WIDTHS
    layout = jax.eval_shape(
        lambda key: module.init_params(key, widths, mapping_layers), jax.random.key(0)
    )
    assert module.sizes(layout) == (widths, mapping_layers)
    other = stylegan2 if module is stylegan1 else stylegan1
    with pytest.raises(KeyError, match="epilogue|bias"):
        other.sizes(layout)


HEADS1 = sum(3 * width + 3 for width in stylegan1.FFHQ_WIDTHS[:-1])
"""In the RGB heads of StyleGAN 1 that only training uses."""


@pytest.mark.parametrize(
    ("module", "number"),
    [(stylegan1, 26_219_627 - HEADS1), (stylegan2, 30_370_060)],
)
def test_the_published_networks_have_their_number_of_parameters(module, number):
    layout = jax.eval_shape(module.init_params, jax.random.key(0))
    trained = [
        np.prod(leaf.shape, dtype=int)
        for path, leaf in jax.tree.leaves_with_path(layout)
        if path[-1].key not in ("noise", "w_avg")
    ]
    assert sum(trained) == number


def test_fresh_parameters_give_a_finite_image(small):
    small = small._replace(sizes=((4, 4), *(1 for _ in small.sizes[1:])))
    params = jax.jit(small.init)(jax.random.key(0))
    assert set(params) == {"mapping", "synthesis", "w_avg"}
    generator = small.generator
    image = generator.synthesis(params, random_code(generator, 1))
    chex.assert_tree_all_finite(image)
    assert image.std() > 0


def test_every_row_of_the_code_changes_the_image_and_no_convolution_is_grouped(
    generator, params
):
    w_plus = random_code(generator)
    changed = w_plus + jnp.eye(generator.num_ws)[..., None]
    before, *images = jax.jit(generator.synthesis)(
        params, jnp.concatenate([w_plus[None], changed])
    )
    assert not any(np.allclose(before, image) for image in images)

    def energy(w_plus):
        return jnp.mean(generator.synthesis(params, w_plus[None]) ** 2)

    codes = random_code(generator, 3)
    program = jax.jit(jax.vmap(jax.grad(energy))).lower(codes).as_text()
    groups = re.findall(r"(?:feature|batch)_group_count = (\d+)", program)
    assert groups and set(groups) == {"1"}


def test_batched_and_mapped_codes_give_the_same_image(generator, params):
    synthesis = jax.jit(generator.synthesis)
    w_plus = random_code(generator, 3)
    batched = synthesis(params, w_plus)
    resolution = generator.resolution
    chex.assert_shape(batched, (3, resolution, resolution, 3))
    chex.assert_type(batched, jnp.float32)
    size = float(jnp.abs(batched).max())
    mapped = jax.vmap(lambda one: synthesis(params, one[None])[0])(w_plus)
    np.testing.assert_allclose(mapped, batched, atol=1e-5 * size)
    plain = generator.synthesis(params, w_plus[1:2])
    np.testing.assert_allclose(batched[1], plain[0], atol=1e-5 * size)


def test_gradient_by_the_code_agrees_with_finite_differences(small, generator):
    """Along each row."""
    with jax.enable_x64(True):
        params = random_params(small, jnp.float64)
        w_plus = random_code(generator).astype(jnp.float64)
        rows = np.random.default_rng(4).normal(size=w_plus.shape)

    def energy(amounts):
        code = w_plus + amounts[:, None] * rows
        return jnp.mean(generator.synthesis(params, code[None]) ** 2)

    checks.assert_gradient(energy, np.zeros(generator.num_ws), rtol=1e-5)
