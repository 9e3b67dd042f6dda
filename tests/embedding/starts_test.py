import jax.numpy as jnp
import numpy as np

from pie_jax.core.params import Params
from pie_jax.embedding import starts

RNG = np.random.default_rng(0)
AXES = RNG.normal(size=(512, 512)).astype(np.float32)
MEAN = RNG.normal(size=512).astype(np.float32)
IMAGE = jnp.asarray(RNG.uniform(-1, 1, (2, 8, 8, 3)), jnp.float32)


def test_the_mean_stands_in_every_row_and_an_estimate_comes_from_deviations():
    found = starts.mean(5)(Params(generator={"w_avg": jnp.asarray(MEAN)}), IMAGE)
    np.testing.assert_array_equal(found, np.broadcast_to(MEAN, (2, 5, 512)))

    code = RNG.normal(size=(2, 5, 512))

    def apply(params, image):
        brightness = image.mean(axis=(1, 2, 3))
        return params * brightness[:, None, None] * code

    params = Params(encoder=2.0, latents={"mean": MEAN, "axes": AXES})
    found = starts.encoded(apply)(params, IMAGE)
    brightness = np.asarray(IMAGE).mean(axis=(1, 2, 3))
    for portrait in range(2):
        for row in range(5):
            expected = MEAN + AXES @ (2 * brightness[portrait] * code[portrait, row])
            np.testing.assert_allclose(found[portrait, row], expected, atol=2e-3)
