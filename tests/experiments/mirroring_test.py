"""Mirror images of faces: a symmetric estimate has none but rounding errors."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import mirroring
from pie_jax.core import theta as parameters
from pie_jax.graphics import shading
from tests import builders
from tests.training.reconstruction_test import random_theta

MODEL = builders.toy_morphable()


def reflected(theta):
    """The mirror image, as the shapes of a symmetric model have it."""
    light = np.array(theta.illumination).reshape(-1, 9, 3)
    light[:, [3, 4, 7]] *= -1
    return theta.replace(
        rotation=theta.rotation * jnp.array([1.0, -1, -1]),
        translation=theta.translation * jnp.array([-1.0, 1, 1]),
        illumination=jnp.asarray(light.reshape(-1, 27)),
    )


@pytest.fixture
def theta():
    zero = parameters.neutral((3,))
    return random_theta(3).replace(identity=zero.identity, expression=zero.expression)


def test_a_mirrored_face_makes_no_error(theta):
    found = mirroring.differences(MODEL, theta, reflected(theta))
    names = {"mirror", "mirror_translation", "mirror_light", "mirror_geometry"}
    assert found.keys() == names
    np.testing.assert_allclose([*found.values()], 0, atol=1e-4)


def test_mirrored_light_shades_the_other_side(theta):
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(5, 3))
    normals = jnp.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    for face, other in zip(theta.illumination, reflected(theta).illumination):
        np.testing.assert_allclose(
            shading.shade(normals, face),
            shading.shade(normals * jnp.array([-1.0, 1, 1]), other),
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("part", "index", "name", "size"),
    [
        ("rotation", 2, "mirror", np.rad2deg(0.3)),
        ("translation", 0, "mirror_translation", 0.3),
        ("illumination", 4, "mirror_light", 0.3 / 27),
    ],
)
def test_each_error_is_told_by_itself(theta, part, index, name, size):
    other = reflected(theta)
    wrong = getattr(other, part).at[:, index].add(0.3)
    found = mirroring.differences(MODEL, theta, other.replace(**{part: wrong}))
    assert found.pop(name) == pytest.approx(size, rel=1e-3)
    np.testing.assert_allclose([*found.values()], 0, atol=1e-4)


def test_another_shape_is_told_in_decimetres(theta):
    other = reflected(theta).replace(identity=theta.identity.at[:, 7].set(2.0))
    found = mirroring.differences(MODEL, theta, other)
    expected = 2 * np.linalg.norm(np.asarray(MODEL.identity[7]), axis=-1).mean()
    assert found["mirror_geometry"] == pytest.approx(expected, rel=1e-3)


def test_a_model_without_symmetry_has_no_other_sides(theta):
    bent = MODEL.replace(mean=MODEL.mean.at[3, 0].add(0.1))
    assert mirroring.other_sides(bent) is None
    found = mirroring.differences(bent, theta, reflected(theta))
    assert "mirror_geometry" not in found
