"""The curvature: probes against the dense Gauss-Newton matrix, and taken up again."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from numpy.testing import assert_allclose, assert_array_equal

from experiments import measure_curvature
from experiments.samples import Samples
from pie_jax.assembly import Assembly
from pie_jax.core.images import to_255
from pie_jax.energy.term import Networks
from tests import builders

ROWS = 3
WEIGHTS = ConfigDict({"pixel": 4e-4, "perceptual": 2.0, "recognition": 9.0})


def stack():
    """A linear generator of 8 pixels, and linear networks."""
    rng = np.random.default_rng(0)
    params = {
        "generator": jnp.asarray(0.1 * rng.normal(size=(ROWS, 512, 8 * 8 * 3))),
        "perceptual": jnp.asarray(rng.normal(size=(12, 6))),
        "recognition": jnp.asarray(0.1 * rng.normal(size=(8 * 8 * 3, 4))),
        "latents": {"mean": jnp.zeros(512), "axes": jnp.eye(512)},
    }
    params = jax.tree.map(lambda x: x.astype(jnp.float32), params)

    def flat(image):
        return image.reshape(len(image), -1)

    class generator:
        num_ws, resolution = ROWS, 8

        @staticmethod
        def synthesis(params, w_plus):
            return jnp.einsum("brd,rdx->bx", w_plus, params).reshape(-1, 8, 8, 3)

    networks = Networks(
        lambda params, image: {"layer": flat(image) @ params},
        lambda params, face: flat(face) @ params,
        lambda image, chip_matrix: image + 0 * chip_matrix[0, 0],
    )
    assembled = Assembly(generator, networks, None, (), None, None, {})
    return assembled, params


def some_samples(count):
    rng = np.random.default_rng(2)
    face = rng.uniform(0.2, 0.8, (68, 2))
    return Samples(
        seed=np.arange(count),
        image_u8=np.zeros((count, 8, 8, 3), np.uint8),
        w=np.float32(rng.normal(size=(count, 2, 512))),
        crossover=np.full(count, 1),
        psi=np.ones(count),
        landmarks=np.float32(np.tile(face, (count, 1, 1))),
        valid=np.ones(count, bool),
    )


def test_the_probes_mean_square_is_the_matrix_of_the_energys_terms(tmp_path):
    assembled, params = stack()
    probe = measure_curvature.prober(assembled, WEIGHTS, params)
    found = measure_curvature.gather(
        probe, some_samples(1500), assembled, params["latents"], tmp_path / "p.npy"
    )

    def energy(code):  # around its minimum, which for linear residuals is anywhere
        image = assembled.generator.synthesis(params["generator"], code[None])
        layer = image.reshape(1, 2, 4, 2, 4, 3).mean(axis=(2, 4)).reshape(1, 12)
        seen = image.reshape(1, -1) @ params["recognition"]
        grey = to_255(jnp.zeros(()))
        return (
            WEIGHTS.pixel * jnp.sum((to_255(image) - grey) ** 2)
            + WEIGHTS.perceptual * jnp.sum((layer @ params["perceptual"]) ** 2)
            + WEIGHTS.recognition * jnp.sum(seen**2)
        )

    rng = np.random.default_rng(3)
    for _ in range(6):
        row, x = rng.integers(ROWS), rng.normal(size=512)
        along = jnp.zeros((ROWS, 512)).at[row].set(jnp.asarray(x, jnp.float32))
        expected = 2 * energy(along)  # x^T H x of a quadratic form
        mean_square = np.mean((found[:, row] @ x) ** 2)
        assert_allclose(mean_square, expected, rtol=0.15)


def test_a_job_that_was_killed_goes_on_where_it_was(tmp_path):
    assembled, params = stack()
    probe = measure_curvature.prober(assembled, WEIGHTS, params)
    asked = []

    def counted(*args):
        asked.append(1)
        return probe(*args)

    def gather(count, name):
        chosen, file = some_samples(60).take(slice(count)), tmp_path / name
        return measure_curvature.gather(
            counted, chosen, assembled, params["latents"], file
        )

    first = gather(50, "probes.npy")
    asked.clear()
    again = gather(60, "probes.npy")
    assert len(asked) == 10 and not list(tmp_path.glob("*.tmp*"))
    assert_array_equal(again[:50], first)
    assert_array_equal(again, gather(60, "others.npy"))


def test_the_foremost_directions_are_found_and_the_mean_over_the_rest():
    rng = np.random.default_rng(1)
    directions = np.asarray(builders.orthogonal(512, rng))
    variances = np.concatenate([[400.0, 100.0, 25.0], np.full(509, 0.5)])
    scaled = np.sqrt(len(variances) * variances) * directions
    # As many probes as directions, each along one: their mean square is exact.
    found = measure_curvature.decompose(np.stack([scaled.T] * 2, axis=1), rank=3)
    assert_allclose(found["roots"], [[20, 10, 5]] * 2, rtol=1e-6)
    assert_allclose(found["rest"], [0.5**0.5] * 2, rtol=1e-6)
    along = np.abs(np.swapaxes(found["directions"], 1, 2) @ directions[:, :3])
    assert_allclose(along, [np.eye(3)] * 2, atol=1e-6)
