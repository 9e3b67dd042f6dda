import jax
import numpy as np

from pie_jax.losses.landmark import mean_distance, relative_distances, squared_distance


def face(seed=0):
    return np.float32(np.random.default_rng(seed).uniform(0, 1, (3, 68, 2)))


def test_equal_landmarks_are_at_no_distance_the_outer_eyes_at_1_the_mean_is_of_66():
    np.testing.assert_array_equal(relative_distances(face(), face()), 0)
    gradient = jax.jit(jax.grad(lambda x: relative_distances(x, face()).sum()))(face())
    np.testing.assert_array_equal(gradient, 0)
    reference = face()
    eyes = np.linalg.norm(reference[:, 36] - reference[:, 45], axis=-1)
    shifted = reference + eyes[:, None, None] * np.float32([0.6, 0.8])
    np.testing.assert_allclose(relative_distances(shifted, reference), 1, rtol=1e-5)

    reference, found = face(1), face(2)
    kept = [i for i in range(68) if i not in (60, 64)]
    expected = np.asarray(relative_distances(found, reference))[:, kept].mean(axis=1)
    np.testing.assert_allclose(mean_distance(found, reference), expected, rtol=1e-5)
    scaled = mean_distance(640 * found, 640 * reference)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)
    assert np.all(expected > 0)


def test_eyes_in_one_place_leave_the_unit_and_the_papers_norm_is_in_pixels():
    reference = np.full((68, 2), 0.25, np.float32)
    shifted = reference + np.float32([0.3, 0.4])
    np.testing.assert_allclose(relative_distances(shifted, reference), 0.5, rtol=1e-5)
    for argument in (0, 1):
        gradient = jax.jit(jax.grad(mean_distance, argument))(shifted, reference)
        assert np.all(np.isfinite(gradient))

    reference = face()
    shifted = reference + np.float32([3, -4]) / 1024
    found = squared_distance(shifted, reference)
    np.testing.assert_allclose(found, 66 * 25, rtol=1e-3)
    far = np.array(reference)
    far[:, [60, 64]] += 1  # not among the paper's
    np.testing.assert_array_equal(squared_distance(far, reference), 0)
