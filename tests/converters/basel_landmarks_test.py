"""Landmarks from named points: the warp, the template, the file of numbers."""

import numpy as np
import pytest
from pie_jax.converters import basel_landmarks

from pie_jax.core import ibug
from pie_jax.core.errors import PieError
from pie_jax.io import assets


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).normal(size=(68, 3))


def named(places):
    """All points, exactly where the landmarks are."""
    return {
        name: places[list(ids)].mean(axis=0)
        for ids, names in basel_landmarks.ANCHORS.items()
        for name in names
    }


def test_anchors_are_symmetric():
    for ids, names in basel_landmarks.ANCHORS.items():
        mirrored = tuple(ibug.MIRRORED[i] for i in ids)
        other = [x.replace("left.", "RIGHT.") for x in names]
        other = [
            x.replace("right.", "left.").replace("RIGHT.", "right.") for x in other
        ]
        same = {tuple(sorted(k)): v for k, v in basel_landmarks.ANCHORS.items()}
        assert same[tuple(sorted(mirrored))] == tuple(other)


def test_the_warp_is_exact_for_affine_maps(places):
    matrix = np.array([[1.2, 0.1, 0], [0, 0.9, 0.2], [-0.1, 0, 1.1]])
    moved = places @ matrix + [10, 20, 30]
    warped = basel_landmarks.warped(places, named(moved))
    np.testing.assert_allclose(warped, moved, atol=1e-9)


def test_the_warp_comes_near_to_every_point(places):
    moved = places + 0.1 * np.random.default_rng(1).normal(size=places.shape)
    points = named(moved)
    warped = basel_landmarks.warped(places, points)
    for ids, names in basel_landmarks.ANCHORS.items():
        if len(ids) == 1:
            mean = np.mean([points[name] for name in names], axis=0)
            np.testing.assert_allclose(warped[ids[0]], mean, atol=0.02)
    assert np.abs(warped - places).max() < 1


def test_the_template_is_our_models_landmarks(monkeypatch):
    mean = np.arange(300.0).reshape(100, 3).astype(np.float16)
    contour = np.stack([np.arange(17), np.zeros(17, int)], axis=1)
    arrays = {"mean": mean, "contour": contour, "inner": np.arange(17, 68)}
    monkeypatch.setattr(assets, "load", lambda name: assets.Asset(arrays, {}))
    np.testing.assert_array_equal(basel_landmarks.template(), mean[:68])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ".join(map(str, range(67))), "should hold 68 numbers, and has 67"),
        ("1 two 3", "should hold vertex numbers"),
        (" ".join(map(str, range(1, 69))), "whole numbers from 0 to 67"),
    ],
)
def test_a_bad_file_of_numbers_is_refused(tmp_path, places, text, message):
    (tmp_path / "Landmarks68_model.anl").write_text(text)
    with pytest.raises(PieError, match=message):
        basel_landmarks.find(places, {}, tmp_path / "model.h5")
