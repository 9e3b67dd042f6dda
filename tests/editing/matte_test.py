import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.theta import neutral
from pie_jax.editing import matte
from pie_jax.face import render
from tests import builders

SIZE = 64


@pytest.fixture(scope="module")
def scene():
    """A rendered head before blue: the model, theta, picture, and true mask."""
    model, theta = builders.toy_morphable(), neutral()
    _, mask = jax.jit(render.render_image, static_argnums=2)(model, theta, SIZE)
    noise = 0.03 * np.random.default_rng(0).normal(size=(SIZE, SIZE, 3))
    behind = jnp.asarray([-0.6, -0.4, 0.7]) + noise
    # The model's colours are random; skin and hair are not.
    skin = jnp.asarray([0.5, 0.2, 0.0]) + noise
    picture = mask * skin + (1 - mask) * behind
    return model, theta, jnp.asarray(picture, jnp.float32), mask[..., 0]


def test_a_head_of_another_colour_is_found_with_its_hair(scene):
    model, theta, picture, mask = scene
    share = jax.jit(matte.matte)(model, theta, picture)
    assert share.shape == (SIZE, SIZE) and 0 <= share.min() and share.max() <= 1
    right = np.mean((share > 0.5) == (mask > 0.5))
    assert right > 0.88 and share[mask > 0.5].mean() > 0.98
    # By its place alone it would be found less well.
    plain = jax.jit(matte.matte)(model, theta, jnp.zeros_like(picture))
    assert right > np.mean((plain > 0.5) == (mask > 0.5)) + 0.05

    rows, columns = jnp.nonzero(mask)
    middle = jnp.asarray([rows.mean(), columns.mean()])
    y, x = jnp.mgrid[:SIZE, :SIZE]
    reach = jnp.hypot(y - middle[0], x - middle[1]) < 1.15 * (rows.max() - middle[0])
    hair = reach & (mask == 0) & (y < middle[0])
    haired = jnp.where(hair[..., None], jnp.asarray([-0.9, -0.95, -0.9]), picture)
    share = jax.jit(matte.matte)(model, theta, haired)
    assert share[hair].mean() > 0.75
    assert share[0, 0] < 0.1 and share[0, -1] < 0.1


def test_a_coarse_estimate_gets_the_pictures_edges(scene):
    _, _, picture, mask = scene
    coarse = jax.image.resize(mask, (16, 16), "linear")
    share = jax.jit(matte.sharpened)(8 * coarse - 4, picture)
    blurred = jax.image.resize(coarse, (SIZE, SIZE), "cubic")
    assert np.mean(np.abs(share - mask)) < np.mean(np.abs(blurred - mask))
    assert np.mean((share > 0.5) == (mask > 0.5)) > 0.97


def test_box_means_agree_with_loops_and_the_filter_passes_linear_functions():
    image = np.random.default_rng(1).normal(size=(7, 9, 2))
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge")
    expected = [
        [padded[i : i + 5, j : j + 5].mean(axis=(0, 1)) for j in range(9)]
        for i in range(7)
    ]
    found = matte.box(jnp.asarray(image, jnp.float32), 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    image = jnp.asarray(np.random.default_rng(2).normal(size=(20, 20, 3)), jnp.float32)
    values = image @ jnp.asarray([0.2, -0.5, 0.1]) + 0.3
    np.testing.assert_allclose(matte.guided(image, values, 4, 1e-6), values, atol=1e-3)
