"""What is seen in samples is measured once."""

import numpy as np

from experiments import sample_faces
from tests.experiments.samples_test import shard


def test_all_samples_are_seen_once_and_kept(tmp_path):
    samples, calls = shard(0, count=28), []

    def see(image_u8, chip_matrix):
        calls.append(len(image_u8))
        mean = image_u8.reshape(len(image_u8), -1).mean(axis=1)
        return mean[:, None], chip_matrix[:, 0]

    kept = tmp_path / "faces.npz"
    found = sample_faces.measured(see, samples, kept, "these")
    assert calls == [25, 25]
    expected = samples.image_u8.reshape(28, -1).mean(axis=1)
    np.testing.assert_allclose(found.theta[:, 0], expected)
    again = sample_faces.measured(see, samples, kept, "these")
    assert len(calls) == 2
    np.testing.assert_array_equal(again.descriptor, found.descriptor)
    sample_faces.measured(see, samples, kept, "others")
    assert len(calls) == 4


def test_descriptors_alone_are_kept_too(tmp_path):
    samples = shard(0, count=3, size=32)

    def describe(image_u8):
        return image_u8.mean(axis=(1, 2))

    kept = tmp_path / "descriptors.npz"
    found = sample_faces.described(describe, samples, kept, "these")
    np.testing.assert_allclose(found, describe(samples.image_u8))
    again = sample_faces.described(None, samples, kept, "these")
    np.testing.assert_array_equal(again, found)


def test_chips_are_where_the_landmarks_are_at_any_size():
    samples = shard(0, count=3, size=8)
    stored = sample_faces.chip_matrices(samples)
    larger = sample_faces.chip_matrices(samples, 32)
    middle = np.array([75.0, 75.0, 1.0])
    np.testing.assert_allclose(
        4 * (stored @ middle + 0.5) - 0.5, larger @ middle, rtol=1e-3
    )
