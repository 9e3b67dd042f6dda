import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import deep3d
from tests import builders, checks

SMALL = deep3d.Deep3D(1 / 16)


def test_the_crop_is_the_templates_and_large_pictures_are_averaged_before():
    offset = np.linspace(-0.5, 0.5, 15)
    grid = np.stack(np.meshgrid(offset, offset), axis=-1)
    plain = [0.5, deep3d.CROP_DOWN] + deep3d.CROP_WIDTH * grid
    gaps = np.abs(deep3d.to_frame(grid + 0.5) - plain) / deep3d.CROP_WIDTH
    assert 0 < gaps.max() * deep3d.SIZE < 0.3
    np.testing.assert_allclose(
        deep3d.to_frame(np.array([0.5, 0.5])), [0.5, deep3d.CROP_DOWN], atol=1e-12
    )
    noise = np.random.default_rng(0).normal(size=(1, 1024, 1024, 1)).astype("f4")
    assert np.std(deep3d.crop(jnp.asarray(noise))) < 1 / 3.5


@pytest.mark.parametrize("resolution", [256, 200, 512, 1024])
def test_what_lies_in_the_frame_is_seen_where_it_lies(resolution):
    y, x = (np.mgrid[:resolution, :resolution] + 0.5) / resolution
    image = jnp.asarray(np.stack([x, y, np.sin(9 * x) * y], axis=-1), jnp.float32)
    seen = np.asarray(jax.jit(deep3d.crop)(image[None])[0])
    chex.assert_shape(seen, (224, 224, 3))
    centres = (np.arange(224) + 0.5) / 224
    x, y = np.moveaxis(
        deep3d.to_frame(np.stack(np.meshgrid(centres, centres), -1)), 2, 0
    )
    inside = y < 1 - 0.5 / resolution
    assert 0.95 < inside.mean() < 1
    expected = np.stack([x, y, np.sin(9 * x) * y], axis=-1)
    np.testing.assert_allclose(seen[inside], expected[inside], atol=3e-3)
    # Below the frame its last row goes on.
    np.testing.assert_allclose(seen[~inside][:, 1], 1, atol=0.5 / min(resolution, 256))


def test_a_picture_gives_all_coefficients_and_full_width_has_resnet50s_parameters():
    image = jnp.asarray(np.random.default_rng(1).uniform(-1, 1, (2, 64, 64, 3)), "f4")
    params = builders.module_params(SMALL, image)
    assert deep3d.width_of(params) == SMALL.width
    apply = jax.jit(SMALL.apply)
    found = apply({"params": params}, image)
    sizes = (80, 64, 80, 3, 27, 3)
    chex.assert_shape(jax.tree.leaves(found), [(2, size) for size in sizes])
    chex.assert_tree_all_finite(found)
    alone = apply({"params": params}, image[1:])
    both = jax.tree.map(lambda x: x[1:], found)
    chex.assert_trees_all_close(alone, both, rtol=1e-4, atol=1e-4)

    blank = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    layout = jax.eval_shape(deep3d.Deep3D().init, jax.random.key(0), blank)["params"]
    heads = sum(
        leaf.size for name in deep3d.HEADS for leaf in layout.pop(name).values()
    )
    assert heads == 2049 * 257
    # 25 557 032 with the classifier of 1000 classes; of each normalisation's two
    # vectors one is in the kernels here.
    total = sum(leaf.size for leaf in jax.tree.leaves(layout))
    assert total == 25_557_032 - 2049 * 1000 - 26_560


def strided_block(x):
    block = deep3d.Bottleneck(2, stride=2)
    params = builders.module_params(block, x)
    return block.apply({"params": checks.double(params)}, x)


@pytest.mark.parametrize(
    ("function", "shape"),
    [(deep3d.crop, (1, 40, 40, 2)), (strided_block, (1, 8, 8, 3))],
    ids=["crop", "block"],
)
def test_gradient_by_the_picture_agrees_with_finite_differences(function, shape):
    image = np.random.default_rng(2).uniform(-1, 1, shape)
    checks.assert_gradient(
        lambda image: jnp.sum(jnp.sin(function(image))), image, directions=3, rtol=1e-5
    )
