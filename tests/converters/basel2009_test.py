import numpy as np
import pytest

from pie_jax.converters import basel2009 as converter
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from tests.converters import face_files as files
from tests.converters.matlab_files import mat5

COMPONENTS, EXPRESSIONS = 5, 3
HEAD = files.Head()
VARIABLES = files.basel2009(HEAD, COMPONENTS)
LEFT_OUT = np.setdiff1d(np.arange(len(HEAD.mean)), HEAD.landmarks)[[3, 50, 200]]
TRIMMED = np.setdiff1d(np.arange(len(HEAD.mean)), LEFT_OUT)
MOVES = HEAD.rng.normal(0, 900, (EXPRESSIONS, 3 * len(TRIMMED))).astype("<f4")
DEVIATIONS = np.array([2.5, 1.25, 0.5])


def contents():
    """Those of all files, by name."""
    front = HEAD.rng.integers(len(TRIMMED), size=35709)
    keypoints = np.array(converter.KEYPOINTS) - 1
    front[keypoints] = np.searchsorted(TRIMMED, HEAD.landmarks)
    unused_mean = np.full((1, MOVES.shape[1]), 7e4, "<f4")
    binary = np.concatenate([unused_mean, MOVES]).tobytes()
    return {
        converter.MODEL: mat5(VARIABLES),
        converter.TRIMMED: mat5({"trimIndex": TRIMMED[None] + 1}),
        converter.FRONT: mat5({"idx": front[:, None].astype(float) + 1}),
        converter.EXPRESSIONS: np.int32(EXPRESSIONS).tobytes() + binary,
        converter.DEVIATIONS: "\n".join(map(str, DEVIATIONS)).encode(),
    }


CONTENTS = contents()


def write(folder, **replaced):
    """Writes all files; None leaves one out, another value is its content."""
    for name, content in (CONTENTS | replaced).items():
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def test_faces_are_those_of_the_publishers_formula(tmp_path):
    arrays, info = converter.convert(write(tmp_path))
    morphable.from_arrays(arrays)
    alpha, beta, delta = np.random.default_rng(1).normal(size=(3, 80))
    shape = VARIABLES["shapeMU"][:, 0].copy()
    colours = VARIABLES["texMU"][:, 0].copy()
    for k in range(COMPONENTS):
        shape += alpha[k] * VARIABLES["shapeEV"][k] * VARIABLES["shapePC"][:, k]
        colours += delta[k] * VARIABLES["texEV"][k] * VARIABLES["texPC"][:, k]
    shape = shape.reshape(-1, 3)[TRIMMED]
    for k in range(EXPRESSIONS):
        shape += beta[k] * DEVIATIONS[k] * MOVES[k].astype(float).reshape(-1, 3)
    found, colour = files.face(arrays, alpha, beta, delta)
    # Where the origin is is ours; all else is theirs, in decimetres.
    shift = arrays["mean"][0] - VARIABLES["shapeMU"][:3, 0] / 1e5
    files.assert_close(found, shape / 1e5 + shift)
    files.assert_close(colour, colours.reshape(-1, 3)[TRIMMED] / 255)
    assert info["expressions"] == converter.EXPRESSIONS


def test_landmarks_and_triangles_have_new_numbers_without_expressions_too(tmp_path):
    arrays, _ = converter.convert(write(tmp_path))
    np.testing.assert_array_equal(TRIMMED[files.landmarks(arrays)], HEAD.landmarks)
    # Turned counter-clockwise, without those whose corners are left out.
    kept = np.isin(HEAD.triangles, TRIMMED).all(axis=1)
    np.testing.assert_array_equal(TRIMMED[arrays["triangles"]], HEAD.triangles[kept])
    assert 0 < np.sum(~kept) < 25
    none = {converter.EXPRESSIONS: None, converter.DEVIATIONS: None}
    (tmp_path / "alone").mkdir()
    folder = write(tmp_path / "alone", **none)
    arrays, info = converter.convert(folder / converter.MODEL)
    assert arrays["expression"].shape == (64, len(TRIMMED), 3)
    assert not arrays["expression"].any() and arrays["identity"][4].any()
    assert not arrays["identity"][COMPONENTS:].any() and info["expressions"] == "none"


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ([converter.TRIMMED, converter.FRONT], "BFM_exp_idx.mat, BFM_front_idx.mat"),
        ([converter.DEVIATIONS], "std_exp.txt"),
        ([converter.FRONT, converter.EXPRESSIONS], "BFM_front_idx.mat, Exp_Pca.bin"),
    ],
)
def test_all_missing_files_are_named(tmp_path, left_out, named):
    folder = write(tmp_path, **dict.fromkeys(left_out))
    with pytest.raises(PieError, match=f"^{named} should lie in"):
        converter.convert(folder)


MOVED = CONTENTS[converter.EXPRESSIONS]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (converter.EXPRESSIONS, MOVED[:-4], "Exp_Pca.bin is damaged or truncated"),
        (converter.EXPRESSIONS, b"\xff" * 8, "4294967295 components"),
        (converter.EXPRESSIONS, MOVED[:-4] + b"\xff" * 4, "not finite"),
        (converter.DEVIATIONS, b"1.0 2.0", "has 2 numbers for the 3"),
        (converter.DEVIATIONS, b"1.0 nan 2", "finite numbers"),
        (converter.DEVIATIONS, b"1.0 one 2", "could not convert"),
        (converter.TRIMMED, mat5({"idx": np.ones(3)}), "trimIndex"),
        (converter.TRIMMED, b"MATLAB 5.0", "BFM_exp_idx.mat is no MATLAB file"),
        (converter.FRONT, mat5({"idx": np.ones(9)}), "does not number"),
        (converter.FRONT, mat5({"idx": np.zeros(9)}), "whole numbers"),
        (
            converter.MODEL,
            mat5(VARIABLES | {"shapePC": np.ones((9, 5)), "more": np.ones(2)}),
            r"(?s)misshapen: shapePC: \[1926, 5\] expected.* surplus: more",
        ),
        (
            converter.MODEL,
            mat5({k: x for k, x in VARIABLES.items() if k not in ("texMU", "tl")}),
            r"(?s)missing: texMU \[1926, 1\].*missing: tl \[any, 3\]",
        ),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(PieError, match=message):
        converter.convert(write(tmp_path, **{name: content}))
