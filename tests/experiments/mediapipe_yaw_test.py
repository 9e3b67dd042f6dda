import json

import numpy as np
import pytest
from PIL import Image

from experiments import mediapipe_yaw


def face(degrees):
    """Points that mirror each other in pairs, turned to the viewer's right."""
    points = np.random.default_rng(0).normal(size=(468, 3))
    right, left = np.transpose(mediapipe_yaw._PAIRS)
    points[right, 0] = -np.abs(points[right, 0])
    points[left] = points[right] * (-1, 1, 1)
    # The nose, at negative z, goes to positive x.
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]).T


@pytest.mark.parametrize("degrees", [-30, 0, 12.5])
def test_the_yaw_is_what_the_points_were_turned_by(degrees):
    assert mediapipe_yaw.yaw(face(degrees)) == pytest.approx(degrees)


def test_a_sweep_is_read_picture_by_picture(tmp_path):
    edits = [
        {"requested": {"degrees": {"yaw": x}}, "achieved": {"degrees": {"yaw": x + 1}}}
        for x in (-20, 0, 20)
    ]
    (tmp_path / "edit.json").write_text(json.dumps({"edits": edits}))
    grey = np.repeat(np.uint8([10, 20, 30]), 16)[None, :, None]
    strip = Image.fromarray(np.broadcast_to(grey, (16, 48, 3)).copy())
    strip.save(tmp_path / "strip.png")

    def find(picture):
        assert picture.shape == (16, 16, 3) and np.ptp(picture) == 0
        return None if picture[0, 0, 0] == 20 else face(float(picture[0, 0, 0]))

    found = mediapipe_yaw.read(tmp_path, find)
    np.testing.assert_allclose(found, [[-20, -19, 10], [20, 21, 30]])
