import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.training import augmentation

KEYS = [jax.random.key(seed) for seed in range(3)]


def picture(size=32):
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-0.9, 0.9, (5, 5, 3))
    return jax.image.resize(jnp.asarray(coarse, jnp.float32), (size, size, 3), "linear")


def blob(place, size=64):
    """A bright spot at `place` `[2]`, in fractions of the frame."""
    centres = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(centres, centres)
    spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 0.05**2)
    return jnp.asarray(np.repeat(spot[..., None], 3, axis=-1), jnp.float32)


def centroid(image):
    size = len(image)
    centres = (np.arange(size) + 0.5) / size
    mass = np.asarray(image[..., 0], np.float64)
    weights = [mass.sum(axis=0), mass.sum(axis=1)]
    return np.array([weight @ centres / mass.sum() for weight in weights])


def test_strength_zero_changes_nothing_and_light_falls_off_along_one_direction():
    np.testing.assert_allclose(
        augmentation.recolour(KEYS[0], picture(), 0.0), picture(), atol=1e-5
    )
    np.testing.assert_allclose(
        augmentation.darken_side(KEYS[0], picture(), 0.0), picture(), atol=1e-5
    )
    points = jnp.asarray(np.random.default_rng(1).uniform(size=(4, 2)), jnp.float32)
    moved = augmentation.move(KEYS[0], picture(), points, 0.0)
    chex.assert_trees_all_close(moved, (picture(), points), atol=1e-5)

    even = jnp.full((33, 33, 3), -0.6)
    keys = jax.random.split(jax.random.key(0), 400)
    found = jax.vmap(augmentation.darken_side, (0, None, None))(keys, even, 0.5)
    changed = jnp.abs(found - even).max(axis=(1, 2, 3)) > 1e-6
    assert 0.4 < changed.mean() < 0.6
    light = (found[changed][..., 0] + 1) / 0.4
    np.testing.assert_allclose(light[:, 16, 16], 1, rtol=1e-5)
    # Log light is linear in place (where it is not clipped at white).
    slopes = jnp.log(light[:, 16, 24] / light[:, 16, 16]) / 0.25
    np.testing.assert_allclose(jnp.exp(slopes * 0.125), light[:, 16, 20], rtol=1e-4)
    assert 0.8 < slopes.std() < 1.2


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("place", [(0.3, 0.4), (0.6, 0.55)])
def test_landmarks_move_with_what_they_mark(key, place):
    points = jnp.asarray([place, (0.5, 0.5)], jnp.float32)
    moved, landmarks = augmentation.move(key, blob(place), points, 1.5)
    assert np.linalg.norm(landmarks[0] - points[0]) > 0.003
    np.testing.assert_allclose(centroid(moved), landmarks[0], atol=2e-3)


@pytest.mark.parametrize("key", KEYS)
def test_another_exposure_stays_in_range(key):
    found = augmentation.recolour(key, picture(), 1.0)
    chex.assert_shape(found, (32, 32, 3))
    assert jnp.all(jnp.abs(found) <= 1) and jnp.abs(found - picture()).max() > 0.02


def test_one_picture_in_ten_loses_its_colour_and_focus_keeps_even_pictures():
    keys = jax.random.split(jax.random.key(5), 400)
    found = jax.vmap(lambda key: augmentation.recolour(key, picture(4), 1.0))(keys)
    grey = np.ptp(np.asarray(found), axis=-1).max(axis=(1, 2)) < 1e-5
    assert 0.05 < grey.mean() < 0.16
    flat = jnp.full((32, 32, 3), 0.25)
    for key in KEYS:
        found = augmentation.roughen(key, flat)
        assert abs(float(found.mean()) - 0.25) < 5e-3
        assert float(jnp.abs(found - flat).max()) < 0.06 * 5.5


def test_the_blur_is_the_binomial_window_and_keys_give_other_variations():
    window = np.array([1, 4, 6, 4, 1]) / 16
    spot = jnp.zeros((9, 9, 1)).at[4, 4].set(1)
    found = np.asarray(augmentation._blur(spot))[2:7, 2:7, 0]
    np.testing.assert_allclose(found, np.outer(window, window), atol=1e-7)
    first, again, other = (
        augmentation.roughen(key, picture()) for key in (KEYS[0], KEYS[0], KEYS[1])
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
