import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import leaks
from tests import builders
from tests.editing.edit_test import some_target

MODEL = builders.toy_morphable()
LEAKS = jax.jit(leaks.leaks)


def test_nothing_leaks_where_nothing_changed_a_pose_moves_none_brightness_is_none():
    theta = some_target()
    found = LEAKS(MODEL, theta, theta)
    for name, value in found.items():
        np.testing.assert_allclose(value, 0, atol=1e-5, err_msg=name)
    turned = theta.replace(
        rotation=theta.rotation + 0.3, translation=theta.translation + 0.2
    )
    found = LEAKS(MODEL, theta, turned)
    np.testing.assert_allclose(found["landmarks"], 0, atol=1e-5)

    light = some_target().illumination
    np.testing.assert_allclose(leaks.light_distance(light, 3 * light), 0, atol=1e-3)
    dark = leaks.light_distance(light, jnp.zeros_like(light))
    np.testing.assert_allclose(dark, jnp.linalg.norm(light, axis=-1), rtol=1e-5)


def test_each_leak_is_in_its_unit():
    before = some_target().replace(rotation=jnp.zeros((2, 3)))
    after = before.replace(
        rotation=before.rotation + jnp.asarray([0.0, 0.4, 0.0]),
        translation=before.translation + jnp.asarray([0.3, 0.4, 0.0]),
        identity=before.identity + 0.5,
        expression=before.expression - 0.2,
        illumination=2 * before.illumination,
    )
    found = LEAKS(MODEL, before, after)
    expected = {
        "rotation": 0.4,
        "translation": 0.5,
        "identity": 0.5,
        "reflectance": 0,
        "expression": 0.2,
        "illumination": 0,
    }
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value, abs=1e-4), name
    assert found["landmarks"][0] > 0
