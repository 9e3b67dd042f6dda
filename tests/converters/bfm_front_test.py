"""The converter of Deep3DFaceRecon's face model."""

import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import bfm_front

from pie_jax.core.errors import PieError
from pie_jax.core.theta import neutral
from pie_jax.face import morphable
from pie_jax.face.render import render_vertices
from tests import deep3d_reference as reference
from tests.converters import face_files as files


@pytest.fixture(scope="module")
def head():
    return files.Head()


@pytest.fixture(scope="module")
def variables(head):
    return files.bfm_front(head)


def convert(folder, content):
    path = folder / "BFM_model_front.mat"
    path.write_bytes(content)
    return bfm_front.convert(path)


@pytest.fixture(scope="module")
def model(variables, tmp_path_factory):
    arrays, info = convert(tmp_path_factory.mktemp("bfm"), files.mat(variables))
    assert info["vertices"] == str(len(arrays["mean"])) == "642"
    return morphable.from_arrays(arrays)


def test_faces_are_those_of_the_publishers_formula(variables, model):
    vector = np.random.default_rng(1).normal(size=257)
    shape = morphable.vertices(model, jnp.asarray(vector[:80]), vector[80:144])
    centred = np.asarray(shape - model.mean.mean(axis=0))
    expected = reference.shape(variables, vector)
    assert np.abs(centred - expected).max() < 1e-4 * np.abs(expected).max()
    colours = 255 * morphable.albedo(model, jnp.asarray(vector[144:224]))
    expected = reference.texture(variables, vector)
    assert np.abs(colours - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_mean_face_is_where_ffhq_has_faces(model):
    points = np.asarray(render_vertices(model, neutral(), 1, occlusion=False).landmarks)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    assert right[0] - left[0] == pytest.approx(0.2428, abs=0.02)
    np.testing.assert_allclose((left + right) / 2, [0.5, 0.4751], atol=0.02)
    np.testing.assert_allclose(points[[48, 54]].mean(axis=0), [0.5, 0.7301], atol=0.02)


def test_structure_and_landmarks_are_ours(head, model):
    assert model.identity.shape[0] == 80 and model.expression.shape[0] == 64
    np.testing.assert_array_equal(model.triangles, head.triangles)
    np.testing.assert_array_equal(model.contour[:, 0], head.landmarks[:17])
    np.testing.assert_array_equal(model.inner, head.landmarks[17:])


@pytest.mark.parametrize(
    "write",
    [lambda v: files.mat(v, compressed=False), files.mat73],
    ids=["not compressed", "version 7.3"],
)
def test_all_containers_hold_the_same_model(tmp_path, variables, model, write):
    arrays, _ = convert(tmp_path, write(variables))
    np.testing.assert_allclose(arrays["mean"], model.mean, atol=1e-6)
    np.testing.assert_allclose(arrays["expression"], model.expression, atol=1e-6)
    np.testing.assert_array_equal(arrays["triangles"], model.triangles)


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, variables):
    wrong = dict(variables, idBase=variables["idBase"][:, :79], surprise=np.ones(3))
    wrong["meantex"] = np.full_like(variables["meantex"], np.nan)
    del wrong["exBase"], wrong["keypoints"]
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.mat(wrong))
    for line in (
        "missing: exBase [1926, 64]",
        "missing: keypoints [1, 68]",
        "misshapen: idBase: [1926, 80] expected, float64 [1926, 79] found",
        "not finite: meantex",
        "surplus: surprise",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tri", lambda v: v["tri"] - 1, "tri should be whole numbers from 1 to 642"),
        ("tri", lambda v: v["tri"] + 0.5, "tri should be whole numbers"),
        ("keypoints", lambda v: v["keypoints"] + 2000, "keypoints should be"),
        ("meanshape", lambda v: 1e5 * v["meanshape"], "in the published units"),
        ("meanshape", lambda v: 0 * v["meanshape"], "not those of a face"),
        ("tri", lambda v: np.array([["a"] * 3], object), "tri: .* no numbers found"),
    ],
)
def test_bad_contents_are_refused(tmp_path, variables, name, value, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, files.mat(variables | {name: value(variables)}))


def test_truncated_files_are_errors(tmp_path, variables):
    content = files.mat(variables)
    for length in (0, 100, 1000, len(content) // 2, len(content) - 10):
        with pytest.raises(PieError, match="damaged|truncated|no MATLAB|missing"):
            convert(tmp_path, content[:length])
