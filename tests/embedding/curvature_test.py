import jax
import jax.numpy as jnp
import numpy as np
from numpy.testing import assert_allclose

from pie_jax.embedding import curvature
from tests import builders

ROWS, RANK = 3, 5


def random_curvature(rng):
    """Eigenvectors and the roots of what they are stretched by, in two rows."""
    directions = [builders.orthogonal(512, rng)[:, :RANK] for _ in range(ROWS)]
    return {
        "directions": jnp.stack(directions),
        "roots": jnp.asarray(rng.uniform(3, 300, (ROWS, RANK))),
        "rest": jnp.asarray(rng.uniform(0.1, 3, ROWS)),
    }


def dense(found):
    """The matrices `[ROWS, 512, 512]` that are meant."""
    vectors = np.asarray(found["directions"])
    rest = np.asarray(found["rest"])[:, None, None] ** 2 * np.eye(512)
    more = np.asarray(found["roots"]) ** 2 - np.asarray(found["rest"])[:, None] ** 2
    inner = vectors * more[:, None] @ np.swapaxes(vectors, 1, 2)
    return curvature.FACTOR * (rest + inner) + curvature.FLOOR * np.eye(512)


def test_it_is_the_inverse_square_root_and_a_step_down_ends_in_the_minimum():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        found = random_curvature(rng)
        x, y = jnp.asarray(rng.normal(size=(2, ROWS, 512)))
        once = curvature.rescale(found, x)
        expected = np.linalg.solve(dense(found), x[..., None])[..., 0]
        assert_allclose(curvature.rescale(found, once), expected, rtol=1e-9, atol=1e-12)
        # The opposite power leads back; and it is symmetric.
        assert_allclose(curvature.rescale(found, once, 0.5), x, rtol=1e-9, atol=1e-12)
        left = jnp.vdot(y, once)
        assert_allclose(left, jnp.vdot(curvature.rescale(found, y), x), rtol=1e-10)

    with jax.enable_x64(True):
        rng = np.random.default_rng(2)
        found = random_curvature(rng)
        matrix, minimum = dense(found), rng.normal(size=(ROWS, 512))
        gradient = -np.einsum("rij,rj->ri", matrix, minimum)
        step = -curvature.rescale(
            found, curvature.rescale(found, jnp.asarray(gradient))
        )
        assert_allclose(step, minimum, rtol=1e-8, atol=1e-10)
