import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.mofa_figures import correlation, figures, judge
from experiments.picture_sets import Pictures
from pie_jax.core import theta as parameters
from pie_jax.face.render import render_image, render_vertices
from tests import builders

pytest.importorskip("cv2")

MODEL = builders.toy_morphable(1)


def rendered(count, size):
    """Faces in several poses, and their pictures."""
    rng = np.random.default_rng(0)
    theta = parameters.neutral((count,)).replace(
        rotation=jnp.asarray(rng.normal(0, 0.3, (count, 3)), jnp.float32)
    )
    image, _ = jax.jit(render_image, static_argnums=2)(MODEL, theta, size)
    landmarks = render_vertices(MODEL, theta, size).landmarks / size
    image_u8 = np.uint8(np.rint(255 * np.asarray(image)))
    return theta, Pictures(image_u8, np.asarray(landmarks))


@pytest.fixture(scope="module")
def world():
    return rendered(4, 64)


def posed(rotation):
    return parameters.neutral((len(rotation),)).replace(rotation=rotation)


def test_a_network_that_knows_the_faces_errs_little_and_a_blind_one_as_they_differ(
    world,
):
    theta, pictures = world
    known = jnp.asarray(pictures.image_u8, jnp.float32) / 127.5 - 1

    def look_up(params, image):
        """Knows the pictures, also mirrored; any other is like the nearest."""
        both = jnp.concatenate([known, known[:, :, ::-1]])
        sign = jnp.array([1.0, -1.0, -1.0])
        turned = jnp.concatenate([theta.rotation, theta.rotation * sign])
        apart = jnp.sum((image[:, None] - both) ** 2, axis=(2, 3, 4))
        return posed(turned[jnp.argmin(apart, axis=1)])

    found = figures(judge(MODEL, look_up), None, pictures)
    assert found["landmark"] < 1e-4
    assert found["colour"] < 0.15
    assert found["mirror"] < 0.01
    for name in ("translation", "geometry", "light"):
        assert found[f"mirror_{name}"] < 1e-4
    assert found["yaw_agreement"] > 0.999 and found["yaw_agreement_own_head"] > 0.999

    yaw = 0.25

    def blind(params, image):
        nearly = 1e-6 * jnp.mean(image, axis=(1, 2, 3))
        return posed(jnp.array([0.0, yaw, 0.0]) + nearly[:, None])

    found = figures(judge(MODEL, blind), None, pictures)
    assert found["landmark"] > 0.02
    np.testing.assert_allclose(found["mirror"], np.rad2deg(2 * yaw), rtol=1e-3)
    assert found["mirror_geometry"] < 1e-4  # the toy's mean is symmetric
    assert found["rendered"] < 0.01  # it is where it says that it is
    assert abs(found["yaw_agreement"]) < 0.99
    two = Pictures(*(x[:2] for x in pictures))
    assert "yaw_agreement" not in figures(judge(MODEL, blind), None, two)


@pytest.mark.parametrize(
    ("factor", "shift", "expected"), [(3, 1, 1), (-1, 0, -1), (0, 0.25, 0)]
)
def test_what_does_not_vary_agrees_with_nothing(factor, shift, expected):
    yaw = np.float32([0.1, 0.4, -0.2])
    assert correlation(yaw, factor * yaw + shift) == pytest.approx(expected)
