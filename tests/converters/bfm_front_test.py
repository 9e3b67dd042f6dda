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
from tests.converters.matlab_files import mat5, mat73

HEAD = files.Head()
VARIABLES = files.bfm_front(HEAD)


def convert(folder, content):
    path = folder / "BFM_model_front.mat"
    path.write_bytes(content)
    return bfm_front.convert(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    arrays, info = convert(tmp_path_factory.mktemp("bfm"), mat5(VARIABLES))
    assert info["vertices"] == str(len(arrays["mean"])) == "642"
    return morphable.from_arrays(arrays)


def test_faces_are_those_of_the_publishers_formula_where_ffhq_has_them(model, tmp_path):
    vector = np.random.default_rng(1).normal(size=257)
    shape = morphable.vertices(model, jnp.asarray(vector[:80]), vector[80:144])
    centred = np.asarray(shape - model.mean.mean(axis=0))
    files.assert_close(centred, reference.shape(VARIABLES, vector))
    colours = 255 * morphable.albedo(model, jnp.asarray(vector[144:224]))
    files.assert_close(colours, reference.texture(VARIABLES, vector))
    arrays, _ = convert(tmp_path, mat73(VARIABLES))
    np.testing.assert_allclose(arrays["mean"], model.mean, atol=1e-6)
    np.testing.assert_allclose(arrays["expression"], model.expression, atol=1e-6)
    np.testing.assert_array_equal(arrays["triangles"], HEAD.triangles)
    np.testing.assert_array_equal(files.landmarks(arrays), HEAD.landmarks)

    points = np.asarray(render_vertices(model, neutral(), 1, occlusion=False).landmarks)
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    assert right[0] - left[0] == pytest.approx(0.2428, abs=0.02)
    np.testing.assert_allclose((left + right) / 2, [0.5, 0.4751], atol=0.02)
    np.testing.assert_allclose(points[[48, 54]].mean(axis=0), [0.5, 0.7301], atol=0.02)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tri": VARIABLES["tri"] - 1}, "tri should be whole numbers from 1 to 642"),
        ({"tri": VARIABLES["tri"] + 0.5}, "tri should be whole numbers"),
        ({"keypoints": VARIABLES["keypoints"] + 2000}, "keypoints should be"),
        ({"meanshape": 1e5 * VARIABLES["meanshape"]}, "in the published units"),
        ({"meanshape": 0 * VARIABLES["meanshape"]}, "not those of a face"),
        ({"tri": np.array([["a"] * 3], object)}, "tri: .* a list found"),
        ({"idBase": np.ones((9, 80))}, r"misshapen: idBase: \[1926, 80\] expected"),
        ({"meantex": VARIABLES["meantex"] * np.nan}, "not finite: meantex"),
        ({"surprise": np.ones(3)}, "surplus: surprise"),
        ({"meanshape": [np.ones(2), "a"]}, "meanshape: .* a list found"),
        ({"keypoints": None}, r"missing: keypoints \[1, 68\]"),
    ],
)
def test_bad_contents_are_refused(tmp_path, changed, message):
    variables = {k: x for k, x in (VARIABLES | changed).items() if x is not None}
    with pytest.raises(PieError, match=message):
        convert(tmp_path, mat5(variables))
