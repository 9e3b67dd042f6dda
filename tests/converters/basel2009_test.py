"""The converter of the Basel Face Model 2009, alone and with expressions."""

import numpy as np
import pytest
from pie_jax.converters import basel2009 as converter

from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from tests.converters import face_files as files

COMPONENTS, EXPRESSIONS = 5, 3


class Published:
    """The contents of all files, and how they number the vertices."""

    def __init__(self):
        self.head = head = files.Head()
        count, rng = len(head.mean), head.rng
        self.variables = files.basel2009(head, COMPONENTS)
        # All vertices but three, none of which is a landmark, in their order.
        left_out = np.setdiff1d(np.arange(count), head.landmarks)[[3, 50, 200]]
        self.trimmed = np.setdiff1d(np.arange(count), left_out)
        self.front = rng.integers(len(self.trimmed), size=35709)
        keypoints = np.array(converter.KEYPOINTS) - 1
        self.front[keypoints] = np.searchsorted(self.trimmed, head.landmarks)
        shape = (EXPRESSIONS, 3 * len(self.trimmed))
        self.expressions = rng.normal(0, 900, shape).astype("<f4")
        self.deviations = np.array([2.5, 1.25, 0.5])

    def write(self, folder, **replaced):
        """Writes all files; None leaves one out, another value is its content."""
        mean = np.full((1, self.expressions.shape[1]), 7e4, "<f4")
        binary = np.concatenate([mean, self.expressions]).tobytes()
        front = {"idx": self.front[:, None].astype(float) + 1}
        contents = {
            converter.MODEL: files.mat(self.variables),
            converter.TRIMMED: files.mat({"trimIndex": self.trimmed[None] + 1}),
            converter.FRONT: files.mat(front),
            converter.EXPRESSIONS: np.int32(EXPRESSIONS).tobytes() + binary,
            converter.DEVIATIONS: "\n".join(map(str, self.deviations)).encode(),
        }
        for name, content in (contents | replaced).items():
            if content is not None:
                (folder / name).write_bytes(content)
        return folder


@pytest.fixture(scope="module")
def published():
    return Published()


def test_faces_are_those_of_the_publishers_formula(tmp_path, published):
    arrays, info = converter.convert(published.write(tmp_path))
    morphable.from_arrays(arrays)
    rng, variables = np.random.default_rng(1), published.variables
    alpha, beta, delta = rng.normal(size=(3, 80))
    shape = variables["shapeMU"][:, 0].copy()
    colours = variables["texMU"][:, 0].copy()
    for k in range(COMPONENTS):
        shape += alpha[k] * variables["shapeEV"][k] * variables["shapePC"][:, k]
        colours += delta[k] * variables["texEV"][k] * variables["texPC"][:, k]
    shape = shape.reshape(-1, 3)[published.trimmed]
    for k in range(EXPRESSIONS):
        moved = published.deviations[k] * published.expressions[k].astype(float)
        shape = shape + beta[k] * moved.reshape(-1, 3)
    found = arrays["mean"].astype(float)
    for k in range(80):
        found = found + alpha[k] * arrays["identity"][k]
    for k in range(64):
        found = found + beta[k] * arrays["expression"][k]
    # Where the origin is is ours; all else is theirs, in decimetres.
    shift = arrays["mean"][0] - variables["shapeMU"][:3, 0] / 1e5
    expected = shape / 1e5 + shift
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    colour = arrays["albedo_mean"] + np.tensordot(delta, arrays["albedo"], axes=1)
    expected = colours.reshape(-1, 3)[published.trimmed] / 255
    assert np.abs(colour - expected).max() < 1e-4 * np.abs(expected).max()
    assert info["expressions"] == converter.EXPRESSIONS


def test_landmarks_and_triangles_have_new_numbers(tmp_path, published):
    arrays, _ = converter.convert(published.write(tmp_path))
    vertices = np.concatenate([arrays["contour"][:, 0], arrays["inner"]])
    np.testing.assert_array_equal(published.trimmed[vertices], published.head.landmarks)
    # Turned counter-clockwise, without those whose corners are left out.
    kept = np.isin(published.head.triangles, published.trimmed).all(axis=1)
    np.testing.assert_array_equal(
        published.trimmed[arrays["triangles"]], published.head.triangles[kept]
    )
    assert 0 < np.sum(~kept) < 25


def test_without_expressions_their_components_are_zero(tmp_path, published):
    none = {converter.EXPRESSIONS: None, converter.DEVIATIONS: None}
    folder = published.write(tmp_path, **none)
    arrays, info = converter.convert(folder / converter.MODEL)
    assert arrays["expression"].shape == (64, len(published.trimmed), 3)
    assert not arrays["expression"].any() and arrays["identity"][4].any()
    assert not arrays["identity"][COMPONENTS:].any()
    assert info["expressions"] == "none"


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ([converter.TRIMMED, converter.FRONT], "BFM_exp_idx.mat, BFM_front_idx.mat"),
        ([converter.DEVIATIONS], "std_exp.txt"),
        ([converter.FRONT, converter.EXPRESSIONS], "BFM_front_idx.mat, Exp_Pca.bin"),
    ],
)
def test_all_missing_files_are_named(tmp_path, published, left_out, named):
    folder = published.write(tmp_path, **dict.fromkeys(left_out))
    with pytest.raises(PieError, match=f"^{named} should lie in"):
        converter.convert(folder)


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, published):
    wrong = dict(published.variables, surprise=np.ones(2))
    del wrong["texMU"], wrong["tl"]
    wrong["shapePC"] = wrong["shapePC"][:-3]
    folder = published.write(tmp_path, **{converter.MODEL: files.mat(wrong)})
    with pytest.raises(PieError) as caught:
        converter.convert(folder)
    for line in (
        "missing: texMU [1926, 1]",
        "missing: tl [any, 3]",
        "misshapen: shapePC: [1926, 5] expected, float64 [1923, 5] found",
        "surplus: surprise",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            converter.EXPRESSIONS,
            lambda x: x[:-4],
            "Exp_Pca.bin is damaged or truncated",
        ),
        (converter.EXPRESSIONS, lambda x: b"\xff" * 8, "4294967295 components"),
        (converter.EXPRESSIONS, lambda x: x[:-4] + b"\xff" * 4, "not finite"),
        (converter.DEVIATIONS, lambda x: b"1.0 2.0", "has 2 numbers for the 3"),
        (converter.DEVIATIONS, lambda x: b"1.0 nan 2", "finite numbers"),
        (converter.DEVIATIONS, lambda x: b"1.0 one 2", "could not convert"),
        (converter.TRIMMED, lambda x: files.mat({"idx": np.ones(3)}), "trimIndex"),
        (converter.TRIMMED, lambda x: x[: len(x) // 2], "BFM_exp_idx.mat cannot be"),
        (converter.FRONT, lambda x: files.mat({"idx": np.ones(9)}), "does not number"),
        (converter.FRONT, lambda x: files.mat({"idx": np.zeros(9)}), "whole numbers"),
        (converter.MODEL, lambda x: x[: len(x) // 2], "damaged or truncated"),
    ],
)
def test_bad_files_are_refused(tmp_path, published, name, content, message):
    path = published.write(tmp_path) / name
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(PieError, match=message):
        converter.convert(tmp_path)
