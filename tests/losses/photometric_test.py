import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.losses import photometric as losses
from pie_jax.losses.photometric import colour_error, foreground, photometric
from tests import checks

LOSSES = [photometric, colour_error, foreground]


def random_colours(seed=0, shape=(2, 7, 3)):
    rng = np.random.default_rng(seed)
    return (
        jnp.asarray(rng.uniform(size=shape)),
        jnp.asarray(rng.uniform(size=shape)),
        jnp.asarray(rng.integers(2, size=shape[:-1]), jnp.result_type(float)),
    )


def test_losses_are_means_of_distances_or_sums_of_squares_over_the_face():
    colours, seen, visible = random_colours()
    for k, value in enumerate(photometric(colours, seen, visible)):
        distances = [
            np.sqrt(sum((colours[k, v] - seen[k, v]) ** 2))
            for v in range(7)
            if visible[k, v]
        ]
        np.testing.assert_allclose(value, np.mean(distances), rtol=1e-5)
    for k, value in enumerate(colour_error(colours, seen, visible)):
        shown = np.asarray(visible[k], bool)
        expected = np.abs(np.asarray(colours[k] - seen[k]))[shown].mean()
        np.testing.assert_allclose(value, expected, rtol=1e-5)

    colours = jnp.asarray([[0.5, 0.5, 0.5], [0.2, 0.2, 0.2], [0.0, 0.0, 0.0]])
    seen = colours + jnp.asarray([[0.1, 0.0, -0.1], [0.0, 0.2, 0.0], [1.0, 1.0, 1.0]])
    value = foreground(colours, seen, jnp.asarray([1.0, 1.0, 0.0]))
    expected = losses.FACE_PIXELS * 255**2 * (0.02 + 0.04) / 2
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_without_a_visible_vertex_it_is_zero_and_so_is_the_gradient(loss):
    colours, seen, visible = random_colours()

    def value(colours):
        return jnp.sum(loss(colours, seen, 0 * visible))

    found, gradient = jax.value_and_grad(value)(colours)
    assert found == 0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(gradient))
    # Nor does what is hidden count elsewhere, and equal colours have a gradient.
    changed = jnp.where(visible[..., None] > 0, seen, 9.0)
    expected = loss(colours, seen, visible)
    np.testing.assert_array_equal(loss(colours, changed, visible), expected)
    gradient = jax.grad(lambda x: jnp.sum(loss(x, colours, visible)))(colours)
    assert jnp.all(jnp.isfinite(gradient))


def test_a_far_colour_pulls_no_more_than_a_near_one_and_gradients_agree():
    seen, visible = jnp.zeros((1, 3)), jnp.ones(1)
    near, far = (
        jax.grad(lambda x: photometric(x, seen, visible))(jnp.array([[c, 0, 0]]))
        for c in (0.01, 0.9)
    )
    np.testing.assert_allclose(near, far, rtol=1e-5)
    *colours, shown = random_colours()
    checks.assert_gradient(
        lambda a, b: jnp.sum(jnp.sin(photometric(a, b, shown))), *colours
    )
