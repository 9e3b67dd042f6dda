import chex
import jax
import jax.numpy as jnp

from pie_jax.core.params import Params
from pie_jax.editing.sight import sight
from tests import builders

MODEL = builders.toy_morphable()


def test_the_rotation_is_that_of_the_landmarks_and_all_else_is_mofas():
    truth, estimated, _, networks = builders.miss_the_pose(MODEL)
    see, image = jax.jit(sight(*networks)), jnp.zeros((2, 8, 8, 3))
    params = Params(mofa=0.0, landmark_net=0.0, face_model=MODEL)
    found = see(params, image)
    expected = truth.replace(translation=estimated.translation)
    chex.assert_trees_all_close(found, expected, atol=2e-3)
    # Both networks are given their own parameters.
    brighter = see(params.replace(mofa=0.1), image)
    chex.assert_trees_all_close(brighter.reflectance, truth.reflectance + 0.1)
    tilted = see(params.replace(landmark_net=builders.TILT), image)
    assert (jnp.abs(tilted.rotation - truth.rotation).max(axis=-1) > 0.01).all()
