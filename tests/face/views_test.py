import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import theta as parameters
from pie_jax.face.views import BACKGROUND, turntable, views
from tests import builders

SIZE = 48
MODEL = builders.toy_morphable()
LOOK = jax.jit(views)


def photo(seed=0):
    return jnp.asarray(np.random.default_rng(seed).uniform(size=(SIZE, SIZE, 3)))


def test_every_view_is_in_the_range_of_colours_and_white_light_shades_evenly():
    bright = parameters.neutral()
    bright = bright.replace(illumination=5 * bright.illumination)
    for picture in LOOK(MODEL, bright, photo()).values():
        chex.assert_shape(picture, (SIZE, SIZE, 3))
        assert 0 <= picture.min() and picture.max() <= 1 + 1e-6
    shading = np.asarray(LOOK(MODEL, parameters.neutral(), photo())["shading"])
    lit = np.isclose(shading, shading.max(), atol=1e-5)
    assert np.all(lit | np.isclose(shading, BACKGROUND))
    assert lit.mean() > 0.1 and 0.5 < shading.max() < 0.7


def test_the_overlay_is_the_face_over_its_picture_and_each_view_its_part():
    theta, image = parameters.neutral(), photo()
    face, mask = builders.PICTURE(MODEL, theta, SIZE)
    overlay = LOOK(MODEL, theta, image)["overlay"]
    np.testing.assert_allclose(
        overlay, np.where(np.asarray(mask) > 0, face, image), atol=1e-6
    )
    assert 0.1 < mask.mean() < 0.9

    start = parameters.neutral()
    before = LOOK(MODEL, start, photo())
    changes = {
        "albedo": start.replace(reflectance=start.reflectance + 1),
        "shading": start.replace(illumination=start.illumination * 0.5),
    }
    for name, theta in changes.items():
        after = LOOK(MODEL, theta, photo())
        different = {k for k in after if not np.array_equal(after[k], before[k])}
        assert different == {name, "overlay"}


def test_the_turntable_turns_to_both_sides_and_begins_and_passes_at_the_front():
    rng = np.random.default_rng(0)
    theta = parameters.neutral().replace(
        rotation=jnp.array([0.1, 0.4, 0.2]),
        identity=jnp.asarray(rng.normal(size=80), jnp.float32),
    )
    frames = jax.jit(turntable, static_argnums=(2, 3))(MODEL, theta, 4, SIZE)
    chex.assert_shape(frames, (4, SIZE, 2 * SIZE, 3))
    front, right, again, left = np.asarray(frames)
    np.testing.assert_allclose(front, again, atol=1e-4)
    assert np.abs(right - left).max() > 0.1
    facing = theta.replace(rotation=jnp.zeros(3))
    blank = jnp.full((SIZE, SIZE, 3), BACKGROUND)
    expected = LOOK(MODEL, facing, blank)
    joined = np.concatenate([expected["overlay"], expected["geometry"]], axis=1)
    np.testing.assert_allclose(front, joined, atol=1e-5)
