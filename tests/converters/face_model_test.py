"""Placing a face model, and cutting it to our numbers of components."""

import numpy as np
import pytest
from pie_jax.converters import face_model

from experiments.morphable import frame
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from tests.converters import face_files as files


@pytest.fixture(scope="module")
def parts():
    head = files.Head()
    shape = (3, *head.mean.shape)
    return face_model.Parts(
        mean=head.mean,
        triangles=head.triangles,
        identity=head.rng.normal(size=(100, *shape[1:])),
        expression=head.rng.normal(size=shape),
        albedo_mean=head.colours(),
        albedo=head.rng.normal(size=shape),
        landmarks=head.landmarks,
        units={"jawOpen": np.array([1.0, 2, 0]), "smile": np.array([0, 1.0, 1])},
    )


def test_bases_are_cut_or_filled_up_with_zeros(parts):
    arrays = face_model.arrays(parts, "file")
    model = morphable.from_arrays(arrays)
    np.testing.assert_allclose(model.identity, parts.identity[:80], rtol=1e-6)
    np.testing.assert_allclose(model.expression[:3], parts.expression, rtol=1e-6)
    assert model.expression.shape[0] == 64 and not np.any(model.expression[3:])
    assert model.albedo.shape[0] == 80 and not np.any(model.albedo[3:])
    assert model.unit_names == ("jawOpen", "smile")
    np.testing.assert_array_equal(model.unit_codes[:, :3], [[1, 2, 0], [0, 1, 1]])


def test_the_place_is_the_one_that_our_open_model_would_have(parts):
    points = parts.mean[parts.landmarks]
    points = points - [points[36:48, 0].mean(), 0, points[[0, 16], 2].mean()]
    distance, lift = face_model.place(points, frame.FOCAL, "file")
    expected = frame.place(points[36:48].reshape(2, 6, 3), points[[48, 54]])
    # There only the left eye's height counts; this head's eyes are not level.
    np.testing.assert_allclose([distance, lift], expected, atol=0.05)
    arrays = face_model.arrays(parts, "file")
    np.testing.assert_allclose(arrays["camera"], [frame.FOCAL, distance], rtol=1e-6)
    placed = arrays["mean"][parts.landmarks]
    np.testing.assert_allclose(placed, points + [0, lift, 0], atol=1e-5)


@pytest.mark.parametrize("move", [[0, 0, 0], [3.0, -2.0, 9.0]])
def test_the_origin_of_the_file_does_not_matter(parts, move):
    expected = face_model.arrays(parts, "file")
    found = face_model.arrays(parts._replace(mean=parts.mean + move), "file")
    np.testing.assert_allclose(found["mean"], expected["mean"], atol=1e-4)
    np.testing.assert_array_equal(found["contour"], expected["contour"])


def test_triangles_are_turned_to_face_outwards(parts):
    inwards = parts._replace(triangles=parts.triangles[:, ::-1])
    found = face_model.arrays(inwards, "file")["triangles"]
    np.testing.assert_array_equal(found, parts.triangles)


@pytest.mark.parametrize("factor", [0, 100, -1, np.inf])
def test_other_units_are_no_face(parts, factor):
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(PieError, match="file does not hold a face model"),
    ):
        face_model.arrays(parts._replace(mean=parts.mean * factor), "file")
