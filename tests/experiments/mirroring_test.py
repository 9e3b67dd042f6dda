import jax.numpy as jnp
import numpy as np
import pytest

from experiments import mirroring
from pie_jax.graphics import shading
from tests import builders
from tests.training.reconstruction_test import random_theta

MODEL = builders.toy_morphable()
THETA = random_theta(3).replace(
    identity=jnp.zeros((3, 80)), expression=jnp.zeros((3, 64))
)
APART = 2 * np.linalg.norm(np.asarray(MODEL.identity[7]), axis=-1).mean()


def reflected(theta):
    """The mirror image, as the shapes of a symmetric model have it."""
    light = np.array(theta.illumination).reshape(-1, 9, 3)
    light[:, [3, 4, 7]] *= -1
    return theta.replace(
        rotation=theta.rotation * jnp.array([1.0, -1, -1]),
        translation=theta.translation * jnp.array([-1.0, 1, 1]),
        illumination=jnp.asarray(light.reshape(-1, 27)),
    )


def test_mirrored_light_shades_the_other_side():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(5, 3))
    normals = jnp.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    pairs = zip(THETA.illumination, reflected(THETA).illumination, strict=True)
    for face, other in pairs:
        expected = shading.shade(normals * jnp.array([-1.0, 1, 1]), other)
        np.testing.assert_allclose(shading.shade(normals, face), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("part", "index", "wrong", "name", "size"),
    [
        ("rotation", 2, 0.0, "mirror", 0),
        ("rotation", 2, 0.3, "mirror", np.rad2deg(0.3)),
        ("translation", 0, 0.3, "mirror_translation", 0.3),
        ("illumination", 4, 0.3, "mirror_light", 0.3 / 27),
        ("identity", 7, 2.0, "mirror_geometry", APART),  # in decimetres
    ],
)
def test_each_error_is_told_by_itself(part, index, wrong, name, size):
    other = reflected(THETA)
    moved = getattr(other, part).at[:, index].add(wrong)
    found = mirroring.differences(MODEL, THETA, other.replace(**{part: moved}))
    assert found.pop(name) == pytest.approx(size, rel=1e-3, abs=1e-4)
    assert len(found) == 3
    np.testing.assert_allclose([*found.values()], 0, atol=1e-4)
    bent = MODEL.replace(mean=MODEL.mean.at[3, 0].add(0.1))  # has no other sides
    assert mirroring.other_sides(bent) is None
    assert "mirror_geometry" not in mirroring.differences(bent, THETA, other)
