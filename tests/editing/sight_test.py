import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core.ibug import mirror
from pie_jax.core.params import Params
from pie_jax.editing.sight import compare, sight
from pie_jax.face import expression
from pie_jax.networks.landmark_net import both_ways
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


def test_an_edited_expression_is_compared_with_the_picture_before():
    own, theta = builders.random_theta(2, seed=1), builders.random_theta(2, seed=2)
    points = jnp.asarray(np.random.default_rng(3).uniform(size=(68, 2)), jnp.float32)

    def find(params, image):
        """Where brightness puts them; as well in the mirror."""
        moved = params * image.mean(axis=(1, 2, 3))[:, None, None]
        return (points + mirror(points)) / 2 * (1 + moved)

    before, after = jnp.full((2, 8, 8, 3), 0.1), jnp.full((2, 8, 8, 3), -0.3)
    params = Params(landmark_net=0.5, face_model=MODEL)
    see = jax.jit(compare(find))
    found = see(params, own, before, theta, after)
    was, now = (both_ways(find, 0.5, x) for x in (before, after))
    expected = expression.solve(MODEL, own, was, theta, now)
    chex.assert_trees_all_close(found, expected, atol=1e-4)
    assert jnp.abs(found.expression - theta.expression).max() > 1e-2
    other = see(params, own, after, theta, before)
    assert jnp.abs(found.expression - other.expression).max() > 1e-2
