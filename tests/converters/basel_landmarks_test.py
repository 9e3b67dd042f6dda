import numpy as np
import pytest
from pie_jax.converters.basel_landmarks import ANCHORS

from pie_jax.converters import basel_landmarks
from pie_jax.core import ibug
from pie_jax.core.errors import PieError

PLACES = np.random.default_rng(0).normal(size=(68, 3))


def named(places):
    """All points, exactly where the landmarks are."""
    return {
        name: places[list(ids)].mean(axis=0)
        for ids, names in ANCHORS.items()
        for name in names
    }


def test_anchors_are_symmetric_and_the_warp_comes_near_to_every_point():
    other_side = {"left": "right", "right": "left", "center": "center"}
    same = {frozenset(ids): names for ids, names in ANCHORS.items()}
    for ids, names in ANCHORS.items():
        sides = [name.split(".", 1) for name in names]
        mirrored = same[frozenset(ibug.MIRRORED[i] for i in ids)]
        assert mirrored == tuple(f"{other_side[a]}.{b}" for a, b in sides)
    moved = PLACES + 0.1 * np.random.default_rng(1).normal(size=PLACES.shape)
    points = named(moved)
    warped = basel_landmarks.warped(PLACES, points)
    for ids, names in ANCHORS.items():
        if len(ids) == 1:
            mean = np.mean([points[name] for name in names], axis=0)
            np.testing.assert_allclose(warped[ids[0]], mean, atol=0.02)
    assert np.abs(warped - PLACES).max() < 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ".join(map(str, range(67))), "should hold 68 numbers, and has 67"),
        ("1 two 3", "should hold vertex numbers"),
        (" ".join(map(str, range(1, 69))), "whole numbers from 0 to 67"),
    ],
)
def test_a_bad_file_of_numbers_is_refused(tmp_path, text, message):
    (tmp_path / "Landmarks68_model.anl").write_text(text)
    with pytest.raises(PieError, match=message):
        basel_landmarks.find(PLACES, {}, tmp_path / "model.h5")
