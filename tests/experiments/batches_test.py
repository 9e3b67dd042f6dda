"""The order of samples: repeatable from any step, every sample once an epoch."""

import itertools

import numpy as np
import pytest

from experiments.batches import batches, mirror_some
from pie_jax.core import ibug
from tests.experiments.samples_test import assert_equal, shard

SAMPLES = shard(0, count=10)


def take(count, **values):
    return list(itertools.islice(batches(SAMPLES, 3, **values), count))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("first_step", [1, 3, 5])
def test_a_training_goes_on_with_what_it_would_have_seen(first_step, mirror):
    whole = take(8, mirror=mirror)
    rest = take(8 - first_step, mirror=mirror, first_step=first_step)
    for expected, found in zip(whole[first_step:], rest, strict=True):
        assert_equal(found, expected)


def test_every_epoch_has_another_order_without_repetition():
    seeds = np.concatenate([batch.seed for batch in take(6)]).tolist()
    epochs = [seeds[:9], seeds[9:]]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert take(1, seed=1)[0].seed.tolist() != seeds[:3]


def test_about_half_is_mirrored_and_codes_stay():
    index = np.arange(10)
    mirrored = []
    for batch in take(60, mirror=True):
        for i, seed in enumerate(batch.seed):
            (k,) = index[SAMPLES.seed == seed]
            straight = np.array_equal(batch.image_u8[i], SAMPLES.image_u8[k])
            mirrored.append(not straight)
            np.testing.assert_array_equal(batch.w[i], SAMPLES.w[k])
    assert 0.35 < np.mean(mirrored) < 0.65


def test_pictures_and_landmarks_are_mirrored_together():
    found = mirror_some(SAMPLES, np.arange(10) % 2 == 0)
    np.testing.assert_array_equal(found.image_u8[1::2], SAMPLES.image_u8[1::2])
    np.testing.assert_array_equal(found.landmarks[1::2], SAMPLES.landmarks[1::2])
    np.testing.assert_array_equal(found.image_u8[0], SAMPLES.image_u8[0][:, ::-1])
    expected = ibug.mirror(SAMPLES.landmarks[0])
    np.testing.assert_allclose(found.landmarks[0], expected)
    assert found.landmarks.dtype == np.float32


def test_a_batch_larger_than_the_samples_is_refused():
    with pytest.raises(ValueError, match="at least 11 samples, got 10"):
        next(batches(SAMPLES, 11))
