import numpy as np
import pytest

from experiments import picture_sets
from pie_jax.photos import portraits
from tests import builders
from tests.experiments.samples_test import shard


def test_without_photographs_there_are_samples_alone():
    held_out = shard(0)
    found = picture_sets.picture_sets(held_out, [], 4)
    assert found.keys() == {"held_out"}
    assert found["held_out"].image_u8.shape == (4, 4, 4, 3)
    np.testing.assert_array_equal(found["held_out"].landmarks, held_out.landmarks)


@pytest.mark.real
def test_photographs_are_averaged_and_landmarks_in_fractions():
    path = builders.portrait("jemison.jpg")
    found = picture_sets.picture_sets(shard(0), [path], 8)["real"]
    whole = portraits.load_portrait(path)
    blocks = whole.aligned_u8.reshape(8, 128, 8, 128, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found.image_u8[0], blocks, atol=0.51)
    pixels = 1024 * found.landmarks[0] - 0.5
    np.testing.assert_allclose(pixels, whole.landmarks, atol=1e-3)
