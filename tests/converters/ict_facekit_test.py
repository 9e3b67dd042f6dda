import json

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.converters import ict_facekit as converter
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.stack import converted
from tests.converters import face_files as files

EXPRESSIONS = ["jawOpen", "mouthSmile_L", "mouthSmile_R", "browInnerUp_L"]
BEHIND = 12
"""Vertices after the face's: eyes, teeth."""
HEAD = files.Head()
COUNT, RNG = len(HEAD.mean), HEAD.rng
NEUTRAL = np.concatenate([10 * HEAD.mean, RNG.normal(0, 5, (BEHIND, 3))]).round(6)
IDENTITIES = NEUTRAL + RNG.normal(0, 0.1, (80, *NEUTRAL.shape)).round(6)
EXPRESSED = NEUTRAL + RNG.normal(0, 0.3, (len(EXPRESSIONS), *NEUTRAL.shape)).round(6)
TEETH = np.arange(BEHIND).reshape(-1, 4) + COUNT
QUAD = [*HEAD.triangles[2], HEAD.triangles[3, 0]]
FACES = [QUAD, *HEAD.triangles[3:].tolist(), *TEETH.tolist()]
LAYOUT = converter.Layout(len(NEUTRAL), COUNT, tuple(HEAD.landmarks.tolist()))


def contents():
    """Of the published files, by name."""
    names = {"expressions": EXPRESSIONS, "idx_to_landmark_verts": [1, 2]}
    meshes = {converter.NEUTRAL: NEUTRAL}
    meshes |= {f"identity{i:03d}.obj": x for i, x in enumerate(IDENTITIES)}
    pairs = zip(EXPRESSIONS, EXPRESSED, strict=True)
    meshes |= {f"{name}.obj": x for name, x in pairs}
    return {converter.NAMES: json.dumps(names).encode()} | {
        name: files.obj(vertices, FACES) for name, vertices in meshes.items()
    }


CONTENTS = contents()


def convert(folder, **replaced):
    """What comes of the files; None leaves one out."""
    for name, content in (CONTENTS | replaced).items():
        if content is not None:
            (folder / name).write_bytes(content)
    return converter.convert(folder, LAYOUT)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """After a round trip through a file."""
    folder = tmp_path_factory.mktemp("FaceXModel")
    arrays, info = convert(folder)
    assert info["vertices"] == str(COUNT)
    path = folder / "ict.safetensors"
    converted.save(path, arrays, {converted.KIND: "ict_facekit", **info})
    loaded = morphable.from_arrays(converted.load(path, "ict_facekit"))
    chex.assert_trees_all_equal(loaded, morphable.from_arrays(arrays))
    return loaded


def test_faces_are_sums_of_meshes_with_arkits_names_and_one_colour(model):
    rng = np.random.default_rng(1)
    alpha, amounts = rng.normal(size=80), rng.uniform(size=len(EXPRESSIONS))
    mesh = NEUTRAL + np.tensordot(alpha, IDENTITIES - NEUTRAL, 1)
    mesh += np.tensordot(amounts, EXPRESSED - NEUTRAL, 1)
    named = zip(model.unit_names, map(float, amounts), strict=True)
    code = morphable.expression_code(model, dict(named))
    found = np.asarray(morphable.vertices(model, jnp.asarray(alpha), code))
    shift = model.mean[0] - NEUTRAL[0] / 10
    files.assert_close(found, mesh[:COUNT] / 10 + shift)
    names = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUpLeft")
    assert model.unit_names == names
    assert "smile" in morphable.names(model)
    back = morphable.named_expression(model, model.unit_codes)
    np.testing.assert_allclose(back, np.eye(4), atol=1e-4)
    assert not np.any(model.expression[4:])

    first, second, third, fourth = QUAD
    quad = [[first, second, third], [first, third, fourth]]
    expected = [*quad, *HEAD.triangles[3:].tolist()]
    np.testing.assert_array_equal(model.triangles, expected)
    assert not np.any(model.albedo)
    np.testing.assert_allclose(np.ptp(model.albedo_mean, axis=0), 0)
    assert 0.3 < float(model.albedo_mean.min()) < float(model.albedo_mean.max()) < 0.9


def test_the_published_landmarks_are_in_the_face_and_all_missing_files_are_named(
    tmp_path,
):
    layout = converter.PUBLISHED
    assert len(set(layout.landmarks)) == 68
    assert max(layout.landmarks) == 6470 < layout.face < layout.vertices == 26719
    missing = ["identity007.obj", "identity079.obj", "mouthSmile_L.obj"]
    message = f"lacks files of ICT-FaceKit: {', '.join(missing)}"
    with pytest.raises(PieError, match=message):
        convert(tmp_path, **dict.fromkeys(missing))


PLAIN, MOVED = CONTENTS[converter.NEUTRAL], CONTENTS["jawOpen.obj"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (converter.NEUTRAL, PLAIN[: len(PLAIN) // 3], "truncated"),
        ("identity003.obj", b"", "it has 0 vertices, 654 finite ones"),
        ("jawOpen.obj", MOVED.replace(b"v ", b"v nan 1 2 ", 1), "finite ones"),
        ("jawOpen.obj", MOVED.replace(b"v ", b"v x", 1), "could not convert"),
        (converter.NEUTRAL, PLAIN + b"\nf 1/1 2/1 99999/1", "absent vertices"),
        (converter.NEUTRAL, PLAIN + b"\nf 1 2 -3", "absent vertices"),
        (converter.NEUTRAL, PLAIN + b"\nf a b c", "invalid literal"),
        (converter.NAMES, b"{", "names no expressions"),
        (converter.NAMES, b"[]", "names no expressions"),
        (converter.NAMES, b'{"expressions": ["../etc"]}', "should name up to"),
        (converter.NAMES, b'{"expressions": []}', "should name up to 64"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, **{name: content})
