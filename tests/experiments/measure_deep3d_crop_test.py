"""Where Deep3DFaceRecon would crop a face."""

import numpy as np
import pytest

from experiments import measure_deep3d_crop as measure


@pytest.mark.parametrize("scale", [0.3, 0.4])
def test_a_moved_template_is_cropped_about_its_origin(scale):
    five = 0.5 + scale * measure.TEMPLATE[:, :2] * [1, -1] + [0.02, 0.08]
    points = np.zeros((68, 2))
    points[[36, 39]], points[[42, 45]] = five[0], five[1]
    points[[30, 48, 54]] = five[2:]
    width, x, y = measure.crop(points)
    assert width == pytest.approx(scale * 224 / 102)
    assert (x, y) == pytest.approx((0.52, 0.58))
