import numpy as np
import pytest

from experiments import samples
from experiments.samples import Samples
from pie_jax.core.errors import PieError


def shard(first, count=4, size=8, invalid=()):
    rng = np.random.default_rng(first)
    return Samples(
        seed=np.arange(first, first + count),
        image_u8=rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8),
        w=np.float32(rng.normal(size=(count, 2, 512))),
        crossover=rng.integers(1, 6, count, dtype=np.int32),
        psi=np.float32(rng.uniform(size=count)),
        landmarks=np.float32(rng.uniform(size=(count, 68, 2))),
        valid=np.array([i not in invalid for i in range(first, first + count)]),
    )


def assert_equal(a, b):
    for name, x, y in zip(Samples._fields, a, b, strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)
        assert x.dtype == y.dtype, name


def write(folder, *firsts, **values):
    for first in firsts:
        samples.write(folder, shard(first, **values), "toy")


def seeds(folder, **values):
    """Those to train on, and the held-out ones."""
    return [x.seed.tolist() for x in samples.load(folder, "toy", 8, **values)]


def test_a_shard_comes_back_as_it_was_and_pictures_are_averaged(tmp_path):
    write(tmp_path, 8)
    (file,) = tmp_path.iterdir()
    assert file.name == "samples-0000008-0000011.npz"
    assert_equal(samples.read(file, "toy"), shard(8))
    image_u8 = shard(0).image_u8
    expected = image_u8.reshape(4, 2, 4, 2, 4, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(samples.shrink(image_u8, 2), expected, atol=0.501)
    np.testing.assert_array_equal(samples.shrink(image_u8, 8), image_u8)
    with pytest.raises(ValueError, match="divisor of 8"):
        samples.shrink(image_u8, 3)


def test_codes_are_rebuilt_row_by_row_and_what_follows_a_gap_is_not_used(tmp_path):
    written = shard(0)._replace(crossover=np.int32([1, 3, 5, 2]))
    w_plus = samples.w_plus(written, 5)
    assert w_plus.shape == (4, 5, 512) and w_plus.dtype == np.float32
    for i, row in np.ndindex(4, 5):
        of = int(row >= written.crossover[i])
        np.testing.assert_array_equal(w_plus[i, row], written.w[i, of])
    write(tmp_path, 0, 8)
    assert seeds(tmp_path, held_out=1) == [[1, 2, 3], [0]]


def test_held_out_samples_stay_the_same_while_more_are_made(tmp_path):
    write(tmp_path, 0, 4, invalid=(1,))
    (tmp_path / ".partial-0").write_bytes(b"half of a shard")
    assert seeds(tmp_path, held_out=3) == [[4, 5, 6, 7], [0, 2, 3]]
    write(tmp_path, 8, invalid=(9,))
    assert seeds(tmp_path, held_out=3) == [[4, 5, 6, 7, 8, 10, 11], [0, 2, 3]]


def test_no_more_is_read_than_is_wanted(tmp_path):
    write(tmp_path, 0, 4)
    samples.shard_path(tmp_path, 8, 4).write_bytes(b"damaged")
    assert seeds(tmp_path, held_out=2, most=3) == [[2, 3, 4], [0, 1]]
    with pytest.raises(PieError, match="damaged"):
        seeds(tmp_path, held_out=2, most=7)


def test_too_few_samples_or_those_of_another_generator_are_an_error(tmp_path):
    write(tmp_path, 0, invalid=(0,))
    with pytest.raises(PieError, match="holds 3 valid .*generate_samples"):
        seeds(tmp_path, held_out=3)
    with pytest.raises(PieError, match="'toy', not of 'other'"):
        samples.load(tmp_path, "other", 8)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x93NUMPY", "truncated"])
def test_a_damaged_shard_is_an_error_that_names_it(tmp_path, content):
    write(tmp_path, 0)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] if content == "truncated" else content)
    with pytest.raises(PieError, match=f"{path.name} is damaged"):
        samples.read(path, "toy")
