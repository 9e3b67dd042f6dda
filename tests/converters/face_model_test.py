import numpy as np
import pytest

from experiments.morphable import frame
from pie_jax.converters import face_model
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from tests.converters import face_files as files

HEAD = files.Head()
SHAPE = (3, *HEAD.mean.shape)
PARTS = face_model.Parts(
    mean=HEAD.mean,
    triangles=HEAD.triangles,
    identity=HEAD.rng.normal(size=(100, *SHAPE[1:])),
    expression=HEAD.rng.normal(size=SHAPE),
    albedo_mean=HEAD.colours(),
    albedo=HEAD.rng.normal(size=SHAPE),
    landmarks=HEAD.landmarks,
    units={"jawOpen": np.array([1.0, 2, 0]), "smile": np.array([0, 1.0, 1])},
)


def test_bases_are_cut_or_filled_up_and_the_place_is_that_of_our_open_model():
    model = morphable.from_arrays(face_model.arrays(PARTS, "file"))
    np.testing.assert_allclose(model.identity, PARTS.identity[:80], rtol=1e-6)
    np.testing.assert_allclose(model.expression[:3], PARTS.expression, rtol=1e-6)
    assert model.expression.shape[0] == 64 and not np.any(model.expression[3:])
    assert model.albedo.shape[0] == 80 and not np.any(model.albedo[3:])
    assert model.unit_names == ("jawOpen", "smile")
    np.testing.assert_array_equal(model.unit_codes[:, :3], [[1, 2, 0], [0, 1, 1]])

    points = PARTS.mean[PARTS.landmarks]
    points = points - [points[36:48, 0].mean(), 0, points[[0, 16], 2].mean()]
    distance, lift = face_model.place(points, frame.FOCAL, "file")
    expected = frame.place(points[36:48].reshape(2, 6, 3), points[[48, 54]])
    # There only the left eye's height counts; this head's eyes are not level.
    np.testing.assert_allclose([distance, lift], expected, atol=0.05)
    arrays = face_model.arrays(PARTS, "file")
    np.testing.assert_allclose(arrays["camera"], [frame.FOCAL, distance], rtol=1e-6)
    placed = arrays["mean"][PARTS.landmarks]
    np.testing.assert_allclose(placed, points + [0, lift, 0], atol=1e-5)
    moved = PARTS._replace(mean=PARTS.mean + [3.0, -2.0, 9.0])
    found = face_model.arrays(
        moved._replace(triangles=PARTS.triangles[:, ::-1]), "file"
    )
    np.testing.assert_allclose(found["mean"], arrays["mean"], atol=1e-4)
    for name in ("contour", "triangles"):
        np.testing.assert_array_equal(found[name], arrays[name])
    np.testing.assert_array_equal(found["triangles"], PARTS.triangles)


@pytest.mark.parametrize("factor", [0, 100, -1, np.inf])
def test_other_units_are_no_face(factor):
    message = pytest.raises(PieError, match="file does not hold a face model")
    with np.errstate(invalid="ignore"), message:
        face_model.arrays(PARTS._replace(mean=PARTS.mean * factor), "file")
