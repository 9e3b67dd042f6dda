from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict
from numpy.testing import assert_allclose, assert_array_equal

from experiments import measure_curvature
from pie_jax.core.images import downsample, to_255
from pie_jax.core.params import Params
from pie_jax.energy.term import Networks
from pie_jax.stack.assembly import Stack
from tests import builders
from tests.experiments.samples_test import shard

ROWS = 3
WEIGHTS = ConfigDict({"pixel": 4e-4, "perceptual": 2.0, "recognition": 9.0})


def synthesis(params, w_plus):
    return jnp.einsum("brd,rdx->bx", w_plus, params).reshape(-1, 8, 8, 3)


def linear(params, image):
    return image.reshape(len(image), -1) @ params


NETWORKS = Networks(
    lambda params, image: {"layer": linear(params, image)},
    linear,
    lambda image, chip_matrix: image + 0 * chip_matrix[0, 0],
)
GENERATOR = SimpleNamespace(num_ws=ROWS, resolution=8, synthesis=synthesis)
FUNCTIONS = SimpleNamespace(
    generator=GENERATOR, networks=NETWORKS, config=SimpleNamespace(energy=WEIGHTS)
)


@pytest.fixture(scope="module")
def stack():
    """A linear generator of 8 pixels, and linear networks."""
    rng = np.random.default_rng(0)
    arrays = {
        "generator": 0.1 * rng.normal(size=(ROWS, 512, 8 * 8 * 3)),
        "perceptual": rng.normal(size=(12, 6)),
        "recognition": 0.1 * rng.normal(size=(8 * 8 * 3, 4)),
        "latents": {"mean": np.zeros(512), "axes": np.eye(512)},
    }
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), arrays)
    return Stack(Params(**params), FUNCTIONS)


def gather(probe, stack, count, file):
    chosen = shard(0, count=1500).take(slice(count))
    return measure_curvature.gather(probe, chosen, stack, file)


def test_the_probes_mean_square_is_the_energys_matrix_and_a_killed_job_goes_on(
    stack, tmp_path
):
    probe = measure_curvature.prober(stack)
    found = gather(probe, stack, 1500, tmp_path / "probes.npy")

    def energy(code):  # around its minimum, which for linear residuals is anywhere
        image = synthesis(stack.params.generator, code[None])
        layer = linear(stack.params.perceptual, downsample(image, 4))
        return (
            WEIGHTS.pixel * jnp.sum((to_255(image) - to_255(0.0)) ** 2)
            + WEIGHTS.perceptual * jnp.sum(layer**2)
            + WEIGHTS.recognition
            * jnp.sum(linear(stack.params.recognition, image) ** 2)
        )

    rng = np.random.default_rng(3)
    for _ in range(6):
        row, x = rng.integers(ROWS), rng.normal(size=512)
        along = jnp.zeros((ROWS, 512)).at[row].set(jnp.asarray(x, jnp.float32))
        expected = 2 * energy(along)  # x^T H x of a quadratic form
        assert_allclose(np.mean((found[:, row] @ x) ** 2), expected, rtol=0.15)

    killed = tmp_path / "killed.npy"
    first = gather(probe, stack, 50, killed)
    asked = []

    def counted(*args):
        asked.append(1)
        return probe(*args)

    again = gather(counted, stack, 60, killed)
    assert len(asked) == 10 and not list(tmp_path.glob("*.tmp*"))
    assert_array_equal(again[:50], first)
    assert_array_equal(again, gather(probe, stack, 60, tmp_path / "others.npy"))


def test_the_foremost_directions_are_found_and_the_mean_over_the_rest():
    directions = np.asarray(builders.orthogonal(512, np.random.default_rng(1)))
    variances = np.concatenate([[400.0, 100.0, 25.0], np.full(509, 0.5)])
    scaled = np.sqrt(len(variances) * variances) * directions
    # As many probes as directions, each along one: their mean square is exact.
    found = measure_curvature.decompose(np.stack([scaled.T] * 2, axis=1), rank=3)
    assert_allclose(found["roots"], [[20, 10, 5]] * 2, rtol=1e-6)
    assert_allclose(found["rest"], [0.5**0.5] * 2, rtol=1e-6)
    along = np.abs(np.swapaxes(found["directions"], 1, 2) @ directions[:, :3])
    assert_allclose(along, [np.eye(3)] * 2, atol=1e-6)
