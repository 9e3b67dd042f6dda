"""Where other networks would crop a face."""

import numpy as np
import pytest

from experiments import measure_crops as measure
from pie_jax.core import ibug
from pie_jax.io import faces


@pytest.mark.parametrize("scale", [0.3, 0.4])
def test_a_moved_template_is_cropped_about_its_origin(scale):
    five = 0.5 + scale * measure.TEMPLATE[:, :2] * [1, -1] + [0.02, 0.08]
    points = np.zeros((68, 2))
    points[[36, 39]], points[[42, 45]] = five[0], five[1]
    points[[30, 48, 54]] = five[2:]
    width, x, y = measure.deep3d_crop(points)
    assert width == pytest.approx(scale * 224 / 102)
    assert (x, y) == pytest.approx((0.52, 0.58))


@pytest.mark.parametrize("scale", [0.3, 0.4])
def test_dlib_cuts_its_mean_face_with_a_margin(scale):
    points = np.zeros((68, 2))
    used = list(ibug.CHIP)
    points[used] = 0.1 + scale * np.stack([faces._CHIP_X, faces._CHIP_Y], axis=1)
    width, x, y = measure.dlib_crop(points)
    # A quarter of the mean face's unit square more on each side.
    assert width == pytest.approx(1.5 * scale, abs=0.003)
    assert (x, y) == pytest.approx((0.1 + scale / 2,) * 2, abs=0.003)
