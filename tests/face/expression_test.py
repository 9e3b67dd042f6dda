import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.face import expression, morphable
from tests import builders
from tests.builders import VERTICES, random_theta

UNITS = ("jawOpen", "browInnerUp", "mouthLeft")
MODEL = morphable.from_arrays(builders.named_arrays(*UNITS))
OWN = random_theta(2, seed=3)
AMOUNTS = jnp.array([[0.3, 0.0, -0.2], [0.0, 0.4, 0.0]])
MOVED = OWN.replace(expression=OWN.expression + AMOUNTS @ MODEL.unit_codes)
SOLVE = jax.jit(expression.solve)
RESIDUAL = 0.02 * np.random.default_rng(2).normal(size=(2, 68, 2)).astype(np.float32)


def landmarks(theta, model=MODEL):
    """Not where the face model has them, but as far off everywhere."""
    return VERTICES(model, theta, 1).landmarks + RESIDUAL


def left(found):
    """Of what was moved, root mean squares."""
    off, asked = (
        jnp.sqrt(jnp.mean((x.expression - MOVED.expression) ** 2, axis=-1))
        for x in (found, OWN)
    )
    return np.asarray(off / asked)


def test_what_the_estimator_did_not_see_landmarks_tell():
    before, after = landmarks(OWN), landmarks(MOVED)
    found = SOLVE(MODEL, OWN, before, OWN, after)
    assert (left(found) < 0.25).all()
    chex.assert_trees_all_equal(found.replace(expression=OWN.expression), OWN)
    # And what it saw is not counted twice.
    assert (left(SOLVE(MODEL, OWN, before, MOVED, after)) < 1e-3).all()
    half = OWN.replace(expression=(OWN.expression + MOVED.expression) / 2)
    assert (left(SOLVE(MODEL, OWN, before, half, after)) < 0.15).all()


def test_a_head_that_only_moves_has_the_expression_that_it_had():
    before = landmarks(OWN)
    same = SOLVE(MODEL, OWN, before, OWN, before)
    chex.assert_trees_all_equal(same, OWN)
    shifted = SOLVE(MODEL, OWN, before, OWN, before + jnp.array([0.1, -0.05]))
    chex.assert_trees_all_close(shifted, OWN, atol=1e-4)


def test_without_named_units_coefficients_themselves_are_told():
    model = morphable.from_arrays(builders.toy_arrays())
    before, after = (landmarks(x, model) for x in (OWN, MOVED))
    found = SOLVE(model, OWN, before, OWN, after)
    there, here = (VERTICES(model, x, 1).landmarks for x in (MOVED, found))
    own = VERTICES(model, OWN, 1).landmarks
    inner = np.array(expression.POINTS)
    missed, asked = (float(jnp.abs(there - x)[:, inner].mean()) for x in (here, own))
    assert missed < 0.5 * asked


def test_landmarks_that_are_not_finite_tell_nothing():
    after = landmarks(MOVED).at[0, 30].set(jnp.nan)
    found = SOLVE(MODEL, OWN, landmarks(OWN), OWN, after)
    assert np.isfinite(found.expression).all()
    np.testing.assert_array_equal(found.expression[0], OWN.expression[0])


@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_noise_of_landmarks_hardly_makes_an_expression(noise):
    rng = np.random.default_rng(4)
    before = landmarks(OWN)
    after = before + noise * rng.normal(size=before.shape).astype(np.float32)
    found = SOLVE(MODEL, OWN, before, OWN, after)
    amounts = (found.expression - OWN.expression) @ MODEL.unit_amounts
    assert jnp.abs(amounts).max() <= 60 * noise
