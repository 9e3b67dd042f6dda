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
EXPECTED, LEVELLED = jax.jit(colours.expected), jax.jit(colours.levelled)


def lit(tint):
    return OWN.replace(illumination=(LIGHT * jnp.asarray(tint)).reshape(2, 27))


def test_a_lamp_s_colour_is_expected_on_the_face_and_a_turn_tints_nothing():
    same, _ = EXPECTED(MODEL, OWN, IMAGE, OWN)
    found, visible = EXPECTED(MODEL, OWN, IMAGE, lit([1.2, 1.0, 0.8]))
    tint = jnp.median(found / same, axis=(0, 1))
    assert tint[0] > 1.1
    assert 0.99 < tint[1] < 1.01
    assert tint[2] < 0.9
    assert visible.shape == same.shape[:2] and 0 < visible.mean() < 1
    turned = OWN.replace(rotation=OWN.rotation + 0.05)
    ratio = EXPECTED(MODEL, OWN, IMAGE, turned)[0] / same
    np.testing.assert_allclose(ratio, ratio[..., :1] * jnp.ones(3), rtol=1e-5)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.8, 1.1, 1.25)])
def test_an_edit_that_tinted_the_face_is_tinted_back(tint):
    edited = (IMAGE + 1) * jnp.asarray(tint) - 1
    back = LEVELLED(MODEL, OWN, IMAGE, OWN, OWN, edited)
    np.testing.assert_allclose(back, IMAGE, atol=2e-4)


def test_what_is_asked_for_and_there_changes_nothing_at_all():
    np.testing.assert_array_equal(LEVELLED(MODEL, OWN, IMAGE, OWN, OWN, IMAGE), IMAGE)
    # Nor does a face that is nowhere to be seen.
    away = OWN.replace(rotation=OWN.rotation + jnp.asarray([0.0, np.pi, 0.0]))
    np.testing.assert_array_equal(LEVELLED(MODEL, OWN, IMAGE, OWN, away, IMAGE), IMAGE)


def test_a_lamp_brightens_as_the_face_model_says_and_at_most_twofold():
    dim, bright = lit(0.8 * jnp.ones(3)), lit(9.0 * jnp.ones(3))
    darker = LEVELLED(MODEL, OWN, IMAGE, dim, OWN, IMAGE)
    factor = (darker + 1) / (IMAGE + 1)
    assert np.ptp(np.asarray(factor), axis=(1, 2)).max() < 1e-5
    assert 0.75 < float(factor.min()) and float(factor.max()) < 0.9
    brighter = LEVELLED(MODEL, OWN, IMAGE, bright, OWN, IMAGE)
    assert float(((brighter + 1) / (IMAGE + 1)).max()) <= colours.BRIGHTER + 1e-5


def test_portraits_are_independent():
    given = (OWN, IMAGE, lit([1.2, 1.0, 0.8]), OWN, IMAGE)
    alone = LEVELLED(MODEL, *checks.entry(given, slice(1, 2)))
    np.testing.assert_allclose(LEVELLED(MODEL, *given)[1:], alone, atol=1e-6)
