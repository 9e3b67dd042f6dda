import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.face import appearance
from pie_jax.face.correction import SHARE, corrected
from tests import builders

MODEL = builders.toy_morphable()
PARAMS = Params(mofa=0.0, landmark_net=jnp.zeros((68, 2)), face_model=MODEL)


@pytest.fixture(scope="module")
def scene():
    """Faces, an estimate that misses their pose, pictures, and how they are seen."""
    truth, estimated, image, networks = builders.miss_the_pose(MODEL, appearance.SIZE)
    whole = jax.jit(corrected(*networks))
    return truth, estimated, lambda **x: whole(PARAMS.replace(**x), image), image


def test_the_pose_goes_to_the_landmarks_colours_are_solved_for_by_both_networks(scene):
    truth, estimated, see, image = scene
    found = see()
    for part in ("rotation", "translation"):
        there, seen = getattr(truth, part), getattr(estimated, part)
        expected = seen + SHARE * (there - seen)
        np.testing.assert_allclose(getattr(found, part), expected, atol=2e-3)
    chex.assert_trees_all_equal(found.identity, estimated.identity)
    chex.assert_trees_all_equal(found.expression, estimated.expression)
    posed = found.replace(
        reflectance=estimated.reflectance, illumination=estimated.illumination
    )
    expected = jax.jit(appearance.solve)(MODEL, posed, image)
    chex.assert_trees_all_close(found, expected, atol=1e-4)
    other = see(mofa=0.1)
    np.testing.assert_allclose(other.identity, found.identity + 0.1, atol=1e-6)
    tilted = see(landmark_net=builders.TILT)
    assert (jnp.abs(tilted.rotation - found.rotation).max(axis=-1) > 0.003).all()
