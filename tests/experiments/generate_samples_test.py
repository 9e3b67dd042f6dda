"""The job that makes samples, with a tiny generator and landmarks made up."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import generate_samples, samples
from pie_jax import catalogue
from pie_jax.core.errors import PieError
from pie_jax.io import atomic
from tests import builders

NAME = "testing"
DRAW = jax.jit(
    partial(generate_samples.draw_sample, catalogue.GENERATORS[NAME].build())
)
LANDMARKS = np.random.default_rng(0).uniform(size=(68, 2))


@pytest.fixture(scope="module")
def params():
    init = catalogue.GENERATORS[NAME].init
    return builders.random_params(init)


def is_even(image_u8):
    return image_u8.sum(dtype=np.int64) % 2 == 0


def measure_even(image_u8):
    """Finds a face in about half of the pictures."""
    return LANDMARKS if is_even(image_u8) else None


def generate(params, folder, num=6, measure=measure_even, first=0):
    generate_samples.generate(NAME, DRAW, params, num, folder, 3, measure, first)


def loaded(folder):
    return [samples.read(path, NAME) for path in sorted(folder.glob("samples-*"))]


def test_samples_depend_on_their_seed_alone(params, tmp_path):
    generate(params, tmp_path / "all")
    generate(params, tmp_path / "less", num=2)  # is rounded up to a shard
    whole, (first,) = builders.files(tmp_path / "all"), loaded(tmp_path / "less")
    assert len(whole) == 2 and first.seed.tolist() == [0, 1, 2]
    assert builders.files(tmp_path / "less").items() <= whole.items()


def test_several_jobs_may_share_the_seeds(params, tmp_path):
    generate(params, tmp_path / "all")
    generate(params, tmp_path / "later", num=3, first=3)
    later = builders.files(tmp_path / "later")
    assert [shard.seed.tolist() for shard in loaded(tmp_path / "later")] == [[3, 4, 5]]
    assert later.items() <= builders.files(tmp_path / "all").items()
    with pytest.raises(ValueError, match="first is 4"):
        generate(params, tmp_path, first=4)


def test_the_picture_is_that_of_the_code(params, tmp_path):
    generate(params, tmp_path)
    generator = catalogue.GENERATORS[NAME].build()
    for shard in loaded(tmp_path):
        w_plus = samples.w_plus(shard, generator.num_ws)
        image = generator.synthesis(params, jnp.asarray(w_plus))
        expected = np.clip((image + 1) * 127.5, 0, 255)
        # At the edge between two values, batches may round differently.
        assert np.abs(shard.image_u8 - expected).max() < 0.51
        found = shard.landmarks[shard.valid]
        expected = np.broadcast_to(np.float32(LANDMARKS), found.shape)
        np.testing.assert_array_equal(found, expected)
        even = [is_even(image_u8) for image_u8 in shard.image_u8]
        np.testing.assert_array_equal(shard.valid, even)


def test_a_killed_job_goes_on_and_ends_with_the_same_files(params, tmp_path):
    generate(params, tmp_path / "undisturbed")
    seen = 0

    def killed(image_u8):
        nonlocal seen
        seen += 1
        if seen == 5:
            raise KeyboardInterrupt
        return measure_even(image_u8)

    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        generate(params, folder, measure=killed)
    assert len(loaded(folder)) == 1
    atomic.partial(folder).write_bytes(b"what a killed run was writing")
    calls = []

    def counted(image_u8):
        calls.append(1)
        return measure_even(image_u8)

    generate(params, folder, measure=counted)
    assert len(calls) == 3  # the second shard's alone
    assert builders.files(folder) == builders.files(tmp_path / "undisturbed")


def test_another_generators_folder_is_refused(params, tmp_path):
    generate(params, tmp_path, num=3)
    (path,) = tmp_path.iterdir()
    samples.write(tmp_path, samples.read(path, NAME), "other")
    with pytest.raises(PieError, match="'other', not of 'testing'"):
        generate(params, tmp_path)


def test_truncation_and_mixing_are_spread(params):
    generator = catalogue.GENERATORS[NAME].build()

    @jax.jit
    @jax.vmap
    def draw(seed):
        code, _, _ = generate_samples.draw_sample(generator, params, seed)
        return code

    code = draw(jnp.arange(300))
    assert code["psi"].min() < 0.45 and code["psi"].max() > 0.95
    assert ((code["psi"] >= 0.4) & (code["psi"] <= 1.0)).all()
    mixed = code["crossover"] < generator.num_ws
    assert 0.4 < mixed.mean() < 0.6
    assert set(np.asarray(code["crossover"])) == set(range(1, generator.num_ws + 1))


@pytest.mark.real
def test_a_real_sample_has_the_landmarks_of_the_full_search(tmp_path):
    from pie_jax.converters import stack

    from pie_jax.io import faces, weights

    name = generate_samples.GENERATOR
    stack.ensure(name, "landmarks68")
    params = jax.tree.map(jnp.asarray, weights.load(name))
    generator = catalogue.GENERATORS[name].build()
    draw = jax.jit(
        lambda params, seed: generate_samples.draw_sample(generator, params, seed)
    )
    _, image_u8, small_u8 = jax.tree.map(np.asarray, draw(params, jnp.int32(0)))
    assert image_u8.shape == (1024, 1024, 3) and small_u8.shape == (256, 256, 3)
    found = generate_samples.find_landmarks(image_u8)
    full = faces.landmarks68(image_u8, faces.detect(image_u8)[0])
    eyes = np.linalg.norm(full[36] - full[45])
    distances = np.linalg.norm(1024 * found - 0.5 - full, axis=-1)
    assert distances.mean() < 0.05 * eyes
    assert generate_samples.find_landmarks(np.zeros_like(image_u8)) is None
