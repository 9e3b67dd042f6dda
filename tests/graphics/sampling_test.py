import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.graphics.sampling import sample
from tests import checks


def random_image(*batch, height=4, width=6):
    rng = np.random.default_rng(0)
    return jnp.asarray(
        rng.uniform(size=(*batch, height, width, 3)), jnp.result_type(float)
    )


def test_at_pixel_centres_it_is_the_pixel_and_between_their_weighted_mean():
    image = random_image()
    y, x = jnp.mgrid[:4, :6]
    points = jnp.stack([x, y], axis=-1).reshape(-1, 2) + 0.5
    np.testing.assert_allclose(sample(image, points), image.reshape(-1, 3), rtol=1e-6)
    found = sample(image, jnp.array([[2.5 + 0.25, 1.5 + 0.75]]))
    upper = 0.75 * image[1, 2] + 0.25 * image[1, 3]
    lower = 0.75 * image[2, 2] + 0.25 * image[2, 3]
    np.testing.assert_allclose(found[0], 0.25 * upper + 0.75 * lower, rtol=1e-6)


@pytest.mark.parametrize(
    "point, pixel", [((-9, 1.5), (1, 0)), ((99, 99), (3, 5)), ((0.1, 0.1), (0, 0))]
)
def test_outside_the_edge_pixels_repeat(point, pixel):
    image = random_image()
    found, gradient = jax.value_and_grad(lambda p: sample(image, p[None])[0, 0])(
        jnp.array(point, float)
    )
    np.testing.assert_allclose(found, image[pixel][0], rtol=1e-6)
    assert gradient[0] == 0


def test_a_batch_gives_what_single_pictures_give_with_their_gradients():
    images = random_image(2, 3)
    points = jnp.asarray(np.random.default_rng(1).uniform(0, 4, (2, 3, 5, 2)))
    checks.assert_maps(sample, images, points, axes=2, batched=True)
    checks.assert_gradient(
        lambda image, points: jnp.sum(jnp.sin(5 * sample(image, points))),
        random_image(),
        np.array([[1.8, 2.1], [4.3, 0.9]]),
    )
