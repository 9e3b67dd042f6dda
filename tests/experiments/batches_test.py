import itertools

import numpy as np
import pytest

from experiments.batches import batches, mirror_some
from pie_jax.core import ibug
from tests.experiments.samples_test import assert_equal, shard

SAMPLES = shard(0, count=10)


def take(count, **values):
    return list(itertools.islice(batches(SAMPLES, 3, **values), count))


@pytest.mark.parametrize("first_step", [1, 3, 5])
def test_a_training_goes_on_with_what_it_would_have_seen(first_step):
    whole = take(8)[first_step:]
    rest = take(8 - first_step, first_step=first_step)
    for expected, found in zip(whole, rest, strict=True):
        assert_equal(found, expected)


def test_every_epoch_has_another_order_and_about_half_is_mirrored():
    seeds = np.concatenate([batch.seed for batch in take(6)]).tolist()
    epochs = [seeds[:9], seeds[9:]]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert epochs[0] != epochs[1]
    with pytest.raises(ValueError, match="at least 11 samples, got 10"):
        next(batches(SAMPLES, 11))

    mirrored = []
    for batch in take(60):
        before = SAMPLES.take(batch.seed)
        straight = (batch.image_u8 == before.image_u8).all(axis=(1, 2, 3))
        mirrored.extend(~straight)
        np.testing.assert_array_equal(batch.w, before.w)
    assert 0.35 < np.mean(mirrored) < 0.65
    found = mirror_some(SAMPLES, np.arange(10) % 2 == 0)
    np.testing.assert_array_equal(found.image_u8[1::2], SAMPLES.image_u8[1::2])
    np.testing.assert_array_equal(found.landmarks[1::2], SAMPLES.landmarks[1::2])
    np.testing.assert_array_equal(found.image_u8[0], SAMPLES.image_u8[0][:, ::-1])
    expected = ibug.mirror(SAMPLES.landmarks[0])
    np.testing.assert_allclose(found.landmarks[0], expected)
    assert found.landmarks.dtype == np.float32
