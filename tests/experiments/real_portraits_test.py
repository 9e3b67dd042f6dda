"""Photographs beside the samples: averaged, landmarks in fractions."""

import numpy as np

from experiments import real_portraits
from pie_jax.io import alignment, portraits


def test_photographs_are_averaged_and_landmarks_in_fractions(monkeypatch):
    rng = np.random.default_rng(0)
    image_u8 = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    corner = np.full((68, 2), -0.5)  # the outline, where integers are pixel centres

    def load(path):
        landmarks = corner if path == 0 else corner + 8
        return portraits.Portrait(image_u8[path], alignment.whole(8, 8), landmarks)

    monkeypatch.setattr(portraits, "load_portrait", load)
    found = real_portraits.load([0, 1], 4)
    blocks = image_u8.reshape(2, 4, 2, 4, 2, 3).astype(float).mean(axis=(2, 4))
    assert np.abs(found.image_u8 - blocks).max() <= 0.5
    np.testing.assert_array_equal(found.landmarks[0], 0)
    np.testing.assert_array_equal(found.landmarks[1], 1)
    assert len(found.portraits) == 2


def test_there_may_be_none():
    found = real_portraits.load([], 4)
    assert found.image_u8.shape == (0, 4, 4, 3)
    assert found.landmarks.shape == (0, 68, 2)
