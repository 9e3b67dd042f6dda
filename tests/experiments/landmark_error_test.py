"""Tests of what an edit's landmarks are off by."""

import numpy as np
import pytest

from experiments.landmark_error import landmark_error
from pie_jax.core.ibug import OUTER_EYES


def test_what_an_edit_asks_for_is_missed_until_it_is_there():
    rng = np.random.default_rng(0)
    before, own = rng.uniform(size=(2, 3, 68, 2))
    change = np.zeros((3, 68, 2))
    change[:, 48] = 0.05, -0.02
    asked = landmark_error(before, before, own, own + change)
    assert (asked > 0).all()
    # Wherever the face is, however far MoFA's is from what was found.
    reached = landmark_error(before, before + change + 0.1, own, own + change)
    np.testing.assert_allclose(reached, 0, atol=1e-6)
    # One landmark of 66 that is off moves their middle as well.
    left, right = ((before + change)[:, i] for i in OUTER_EYES)
    eyes = np.linalg.norm(left - right, axis=-1)
    length = np.linalg.norm(change[:, 48], axis=-1)
    expected = (65 / 66 + 65 / 66) * length / 66 / eyes
    assert asked == pytest.approx(expected, rel=1e-4)
