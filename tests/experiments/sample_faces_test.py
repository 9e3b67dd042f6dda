import numpy as np

from experiments import sample_faces
from tests.experiments.samples_test import shard


def test_all_samples_are_seen_once_and_kept_and_chips_are_where_landmarks_are(tmp_path):
    samples, calls = shard(0, count=28), []

    def see(image_u8, chip_matrix):
        calls.append(len(image_u8))
        mean = image_u8.reshape(len(image_u8), -1).mean(axis=1)
        return mean[:, None], chip_matrix[:, 0]

    kept = tmp_path / "faces.npz"
    theta, descriptor = sample_faces.measured(see, samples, kept, "these")
    assert sum(calls) == 28
    expected = samples.image_u8.reshape(28, -1).mean(axis=1)
    np.testing.assert_allclose(theta[:, 0], expected)
    again = sample_faces.measured(None, samples, kept, "these")
    for before, after in zip((theta, descriptor), again, strict=True):
        np.testing.assert_array_equal(after, before)
    sample_faces.measured(see, samples, kept, "others")
    assert sum(calls) == 2 * 28

    samples = shard(0, count=3, size=8)
    stored = sample_faces.chip_matrices(samples)
    larger = sample_faces.chip_matrices(samples, 32)
    middle = np.array([75.0, 75.0, 1.0])
    np.testing.assert_allclose(
        4 * (stored @ middle + 0.5) - 0.5, larger @ middle, rtol=1e-3
    )
