from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import generate_samples, generators, samples
from pie_jax.core.errors import PieError
from pie_jax.io import atomic
from pie_jax.photos import faces
from pie_jax.stack import fetch, networks
from tests import builders

NAME = "testing"
GENERATOR = networks.GENERATORS[NAME].build()
DRAW = jax.jit(partial(generate_samples.draw_sample, GENERATOR))
LANDMARKS = np.random.default_rng(0).uniform(size=(68, 2))


@pytest.fixture(scope="module")
def params():
    return builders.random_params(networks.GENERATORS[NAME].init)


def is_even(image_u8):
    return image_u8.sum(dtype=np.int64) % 2 == 0


def measure_even(image_u8):
    """Finds a face in about half of the pictures."""
    return LANDMARKS if is_even(image_u8) else None


def generate(params, folder, num=6, measure=measure_even, first=0):
    generate_samples.generate(NAME, DRAW, params, num, folder, 3, measure, first)


def loaded(folder):
    return [samples.read(path, NAME) for path in sorted(folder.glob("samples-*"))]


@pytest.fixture(scope="module")
def whole(params, tmp_path_factory):
    """A folder with the seeds 0 to 5."""
    folder = tmp_path_factory.mktemp("whole")
    generate(params, folder)
    return folder


@pytest.mark.parametrize(
    ("num", "first", "seeds"),
    [(2, 0, [0, 1, 2]), (3, 3, [3, 4, 5])],  # two are rounded up to a shard
)
def test_samples_depend_on_their_seed_alone(params, tmp_path, whole, num, first, seeds):
    generate(params, tmp_path, num=num, first=first)
    (shard,) = loaded(tmp_path)
    assert shard.seed.tolist() == seeds
    assert builders.files(tmp_path).items() <= builders.files(whole).items()
    with pytest.raises(ValueError, match="first is 4"):
        generate(params, tmp_path, first=4)


def test_the_picture_is_that_of_the_code_and_truncation_and_mixing_are_spread(
    params, whole
):
    for shard in loaded(whole):
        w_plus = samples.w_plus(shard, GENERATOR.num_ws)
        image = GENERATOR.synthesis(params, jnp.asarray(w_plus))
        expected = np.clip((image + 1) * 127.5, 0, 255)
        # At the edge between two values, batches may round differently.
        assert np.abs(shard.image_u8 - expected).max() < 0.51
        found = shard.landmarks[shard.valid]
        expected = np.broadcast_to(np.float32(LANDMARKS), found.shape)
        np.testing.assert_array_equal(found, expected)
        even = [is_even(image_u8) for image_u8 in shard.image_u8]
        np.testing.assert_array_equal(shard.valid, even)

    code, _, _ = jax.jit(jax.vmap(partial(DRAW, params)))(jnp.arange(300))
    assert code["psi"].min() < 0.45 and code["psi"].max() > 0.95
    assert ((code["psi"] >= 0.4) & (code["psi"] <= 1.0)).all()
    mixed = code["crossover"] < GENERATOR.num_ws
    assert 0.4 < mixed.mean() < 0.6
    assert set(np.asarray(code["crossover"])) == set(range(1, GENERATOR.num_ws + 1))


def test_a_killed_job_goes_on_and_ends_with_the_same_files(params, tmp_path, whole):
    calls = []

    def measure(image_u8):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return measure_even(image_u8)

    with pytest.raises(KeyboardInterrupt):
        generate(params, tmp_path, measure=measure)
    assert len(loaded(tmp_path)) == 1
    atomic.partial(tmp_path).write_bytes(b"what a killed run was writing")
    generate(params, tmp_path, measure=measure)
    assert len(calls) == 5 + 3  # the second shard's alone
    assert builders.files(tmp_path) == builders.files(whole)
    samples.write(tmp_path, loaded(whole)[0], "other")
    with pytest.raises(PieError, match="'other', not of 'testing'"):
        generate(params, tmp_path)


@pytest.mark.real
def test_a_real_sample_has_the_landmarks_of_the_full_search():
    fetch.ensure("landmarks68")
    generator, params = generators.default()
    draw = jax.jit(partial(generate_samples.draw_sample, generator))
    _, image_u8, small_u8 = jax.tree.map(np.asarray, draw(params, jnp.int32(0)))
    assert image_u8.shape == (1024, 1024, 3) and small_u8.shape == (256, 256, 3)
    found = generate_samples.find_landmarks(image_u8)
    full = faces.landmarks68(image_u8, faces.detect(image_u8)[0])
    eyes = np.linalg.norm(full[36] - full[45])
    distances = np.linalg.norm(1024 * found - 0.5 - full, axis=-1)
    assert distances.mean() < 0.05 * eyes
    assert generate_samples.find_landmarks(np.zeros_like(image_u8)) is None
