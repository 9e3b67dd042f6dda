import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import rotations
from pie_jax.core.theta import neutral
from pie_jax.graphics import light, shading
from tests import checks


def some_light(*shape, seed=0):
    return jnp.asarray(
        np.random.default_rng(seed).normal(size=(*shape, 27)), jnp.float32
    )


def directions(count=50):
    points = np.random.default_rng(1).normal(size=(count, 3))
    return jnp.asarray(
        points / np.linalg.norm(points, axis=-1, keepdims=True), jnp.float32
    )


@pytest.mark.parametrize("wrap", checks.WRAPS)
def test_a_turned_normal_in_turned_light_is_shaded_as_before(wrap):
    illumination, normals = some_light(2), directions()
    matrix = rotations.matrix(jnp.asarray([[0.3, -1.1, 0.7], [-2.0, 0.4, 0.1]]))
    turned = wrap(light.rotate)(illumination, matrix)
    for i in range(2):
        before = shading.shade(normals, illumination[i])
        after = shading.shade(normals @ matrix[i].T, turned[i])
        chex.assert_trees_all_close(before, after, atol=1e-5)


def test_a_turn_and_its_inverse_leave_light_as_it_was_and_plain_light_has_no_strength():
    matrix = rotations.matrix(jnp.asarray([0.5, 0.6, -0.4]))
    there = light.rotate(some_light(3), matrix)
    chex.assert_trees_all_close(light.rotate(there, matrix.T), some_light(3), atol=1e-5)

    def total(illumination):
        return light.strength(illumination) + sum(light.direction(illumination))

    plain = neutral().illumination
    assert light.strength(plain) == 0
    chex.assert_tree_all_finite(jax.grad(total)(plain))
    assert light.strength(jnp.zeros(27)) == 0
    illumination = lamp(30, 40)
    softer = light.scale_directional(illumination, 0.25)
    assert light.strength(softer) == pytest.approx(0.25, abs=1e-5)
    chex.assert_trees_all_equal(softer[:3], illumination[:3])
    np.testing.assert_allclose(softer[3:], illumination[3:] / 4, atol=1e-6)


def lamp(azimuth, elevation):
    a, e = np.deg2rad([azimuth, elevation])
    place = jnp.asarray([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    return jnp.repeat(shading.harmonics(place)[:, None], 3, axis=1).reshape(27)


@pytest.mark.parametrize("place", [(0, 0), (90, 0), (-40, 30), (150, -60)])
def test_a_lamp_is_found_where_it_stands(place):
    found = jnp.rad2deg(jnp.stack(light.direction(lamp(*place))))
    np.testing.assert_allclose(found, place, atol=1e-3)
    assert light.strength(lamp(*place)) == pytest.approx(1, abs=1e-5)
