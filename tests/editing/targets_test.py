import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.theta import neutral
from pie_jax.editing import targets
from pie_jax.editing.targets import Amount
from pie_jax.face import morphable
from pie_jax.graphics import light
from tests import builders, checks

UNITS = ("mouthSmileLeft", "mouthSmileRight", "jawOpen")


@pytest.fixture(scope="module")
def model():
    return morphable.from_arrays(builders.named_arrays(*UNITS))


@pytest.mark.parametrize("wrap", checks.WRAPS)
def test_degrees_replace_or_add_to_the_portraits_own(wrap):
    own = jnp.deg2rad(jnp.asarray([[3.0, 5.0, 1.0], [-4.0, 8.0, 2.0]]))
    wanted = wrap(targets.turned)(own, Amount(-10.0, added=True), Amount(20.0))
    expected = [[-7, 20, 1], [-14, 20, 2]]
    np.testing.assert_allclose(jnp.rad2deg(wanted), expected, atol=1e-4)


def test_named_units_get_their_amounts_and_what_is_not_asked_for_stays(model):
    own = jnp.asarray(np.random.default_rng(0).normal(size=64), jnp.float32)
    np.testing.assert_array_equal(targets.expressed(model, own, {}), own)
    np.testing.assert_array_equal(targets.lit(own[:27]), own[:27])
    np.testing.assert_allclose(targets.turned(own[:3]), own[:3], rtol=1e-6)

    own = morphable.expression_code(model, {"jawOpen": 0.3, "mouthSmileLeft": 0.1})
    wanted = targets.expressed(
        model, own, {"smile": Amount(0.7), "jawOpen": Amount(0.2, added=True)}
    )
    found = morphable.named_expression(model, wanted)
    np.testing.assert_allclose(found, [0.7, 0.7, 0.5], atol=1e-3)
    alone = targets.expressed(model, own, {"mouthSmileRight": Amount(0.4)})
    found = morphable.named_expression(model, alone)
    np.testing.assert_allclose(found, [0.1, 0.4, 0.3], atol=1e-3)
    with pytest.raises(ValueError, match="no expression 'grin'"):
        targets.expressed(model, jnp.zeros(64), {"grin": Amount(1.0)})


def lamps():
    rng = np.random.default_rng(2)
    light_ = neutral((4,)).illumination + 0.3 * rng.normal(size=(4, 27))
    return jnp.asarray(light_, jnp.float32)


def test_light_comes_from_where_it_is_asked_to_as_hard_as_it_shows():
    lit = targets.lit(lamps(), azimuth=Amount(50.0), elevation=Amount(-20.0))
    found = jnp.rad2deg(jnp.stack(light.direction(lit), axis=-1))
    np.testing.assert_allclose(found, [[50, -20]] * 4, atol=1e-2)
    np.testing.assert_array_equal(lit[:, :3], lamps()[:, :3])
    before = light.direction(lamps())
    lit = targets.lit(lamps(), azimuth=Amount(15.0, added=True))
    azimuth, elevation = light.direction(lit)
    np.testing.assert_allclose(elevation, before[1], atol=1e-4)
    moved = jnp.rad2deg(azimuth - before[0]) % 360
    np.testing.assert_allclose(moved, 15, atol=1e-2)

    soft = light.scale_directional(lamps(), 0.01)
    lit = targets.lit(soft, azimuth=Amount(50.0))
    np.testing.assert_allclose(light.strength(lit), targets.HARD_ENOUGH, atol=1e-5)
    asked = targets.lit(soft, azimuth=Amount(50.0), strength=Amount(0.05))
    np.testing.assert_allclose(light.strength(asked), 0.05, atol=1e-5)

    lit = targets.lit(
        lamps(), intensity=Amount(0.5), colour=jnp.asarray([2.0, 1.0, 0.0])
    )
    expected = lamps().reshape(4, 9, 3) * np.asarray([1.0, 0.5, 0.0])
    np.testing.assert_allclose(lit.reshape(4, 9, 3), expected, atol=1e-6)
    brighter = targets.lit(lamps(), intensity=Amount(0.2, added=True))
    np.testing.assert_allclose(brighter, 1.2 * lamps(), atol=1e-6)
