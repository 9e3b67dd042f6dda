import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import colours
from tests import builders, checks

MODEL = builders.toy_morphable()
OWN = builders.random_theta(2, seed=2)
LIGHT = OWN.illumination.reshape(2, 9, 3)
RNG = np.random.default_rng(4)
IMAGE = jnp.asarray(RNG.uniform(-0.5, 0, (2, 48, 48, 3)), jnp.float32)
EXPECTED, RECOLOURED = jax.jit(colours.expected), jax.jit(colours.recoloured)


def lit(tint):
    return OWN.replace(illumination=(LIGHT * jnp.asarray(tint)).reshape(2, 27))


def test_a_lamp_s_colour_is_expected_on_the_face_and_a_turn_tints_nothing():
    same, _ = EXPECTED(MODEL, OWN, IMAGE, OWN)
    found, visible = EXPECTED(MODEL, OWN, IMAGE, lit([1.2, 1.0, 0.8]))
    ratio = np.asarray(found / same)
    # As much brighter as in the mean; harmonics may be below zero here and there.
    tint = np.median(ratio, axis=(0, 1))
    assert np.mean(ratio[..., 0] > ratio[..., 2]) > 0.95
    assert tint[0] > 1.1
    assert 0.99 < tint[1] < 1.01
    assert tint[2] < 0.9
    assert visible.shape == same.shape[:2] and 0 < visible.mean() < 1
    turned = OWN.replace(rotation=OWN.rotation + 0.05)
    ratio = EXPECTED(MODEL, OWN, IMAGE, turned)[0] / same
    np.testing.assert_allclose(ratio, ratio[..., :1] * jnp.ones(3), rtol=1e-5)


@pytest.mark.parametrize("tint", [(1.2, 1.2, 1.2), (0.8, 1.1, 1.25)])
def test_an_edit_that_tinted_the_face_is_tinted_back(tint):
    edited = (IMAGE + 1) * jnp.asarray(tint) - 1
    back = RECOLOURED(MODEL, OWN, IMAGE, OWN, OWN, edited)
    np.testing.assert_allclose(back, IMAGE, atol=2e-4)


def test_what_is_asked_for_and_there_changes_nothing_at_all():
    np.testing.assert_array_equal(RECOLOURED(MODEL, OWN, IMAGE, OWN, OWN, IMAGE), IMAGE)
    # Nor does a face that is nowhere to be seen.
    away = OWN.replace(rotation=OWN.rotation + jnp.asarray([0.0, np.pi, 0.0]))
    np.testing.assert_array_equal(
        RECOLOURED(MODEL, OWN, IMAGE, OWN, away, IMAGE), IMAGE
    )


def test_a_lamp_brightens_as_the_face_model_says_and_at_most_twofold():
    dim, bright = lit(0.8 * jnp.ones(3)), lit(9.0 * jnp.ones(3))
    darker = RECOLOURED(MODEL, OWN, IMAGE, dim, OWN, IMAGE)
    factor = (darker + 1) / (IMAGE + 1)
    assert np.ptp(np.asarray(factor), axis=(1, 2)).max() < 1e-5
    assert 0.75 < float(factor.min()) and float(factor.max()) < 0.9
    brighter = RECOLOURED(MODEL, OWN, IMAGE, bright, OWN, IMAGE)
    factor = (brighter + 1) / (IMAGE + 1)
    assert 1.9 < float(factor[0, 0, 0, 0]) <= colours.BRIGHTER + 1e-5
    # However far an edit is off.
    for times, expected in ((0.2, colours.BRIGHTER), (1.9, 1 / 1.9)):
        off = RECOLOURED(MODEL, OWN, IMAGE, OWN, OWN, times * (IMAGE + 1) - 1)
        factor = np.asarray((off + 1) / (times * (IMAGE + 1)))
        np.testing.assert_allclose(factor, expected, rtol=1e-2)
    # And nothing is brighter than white then.
    light = IMAGE + 0.6
    assert float(RECOLOURED(MODEL, OWN, light, bright, OWN, light).max()) == 1


def test_dark_places_and_negative_harmonics_give_no_wild_colours():
    for light in (jnp.zeros((2, 27)), -OWN.illumination):
        dark = OWN.replace(illumination=light)
        for pair in ((dark, OWN), (OWN, dark), (dark, dark)):
            found, _ = EXPECTED(MODEL, pair[0], IMAGE, pair[1])
            assert np.isfinite(found).all()
            made = RECOLOURED(MODEL, pair[0], IMAGE, pair[1], pair[1], IMAGE)
            assert np.isfinite(made).all()


def test_where_a_face_lies_has_no_gradient_and_colours_have():
    points = builders.VERTICES(MODEL, OWN, 1).points

    def total(image, points):
        return jnp.sum(colours.sampled(image, points) ** 2)

    by_image, by_points = jax.grad(total, (0, 1))(IMAGE, points)
    assert jnp.any(by_image) and not jnp.any(by_points)
    moved = colours.sampled(IMAGE, points + 0.05)
    np.testing.assert_array_equal(
        EXPECTED(MODEL, OWN, IMAGE, OWN, 0.05)[0], jnp.clip(moved, 0, 1)
    )


def test_portraits_are_independent():
    given = (OWN, IMAGE, lit([1.2, 1.0, 0.8]), OWN, IMAGE)
    alone = RECOLOURED(MODEL, *checks.entry(given, slice(1, 2)))
    np.testing.assert_allclose(RECOLOURED(MODEL, *given)[1:], alone, atol=1e-6)
