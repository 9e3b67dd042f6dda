import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import ffhq, ibug
from pie_jax.core.theta import neutral
from pie_jax.face import morphable
from pie_jax.graphics import mesh
from pie_jax.io import assets
from tests.builders import VERTICES

# How far off FFHQ's average face the mean face may be: two numbers place three.
OFF = 0.006


@pytest.fixture(scope="module")
def arrays():
    return assets.load("morphable").flat


@pytest.fixture(scope="module")
def model(arrays):
    return morphable.from_arrays(arrays)


def landmarks(model, yaw=0.0, pitch=0.0):
    rotation = jnp.radians(jnp.array([pitch, yaw, 0]))
    face = neutral().replace(rotation=rotation)
    return VERTICES(model, face, 1, occlusion=False).landmarks


def test_it_has_the_papers_numbers_all_finite_and_half_precise(model, arrays):
    count = len(model.mean)
    assert 3000 <= count <= 5000
    chex.assert_shape(model.identity, (80, count, 3))
    chex.assert_shape(model.expression, (64, count, 3))
    chex.assert_shape(model.albedo, (80, count, 3))
    assert len(model.unit_names) == 52
    for name, array in arrays.items():
        assert np.all(np.isfinite(array)), name
    assert sum(array.nbytes for array in arrays.values()) < 8e6
    for name in ("identity", "expression", "albedo"):
        assert arrays[name].dtype == np.float16


def test_its_surface_is_one_sheet_and_random_faces_turn_no_triangle_over(model):
    triangles = np.asarray(model.triangles)
    assert np.array_equal(np.unique(triangles), np.arange(len(model.mean)))
    assert len({frozenset(t) for t in triangles.tolist()}) == len(triangles)
    # Neighbours go along a common edge in opposite directions: so each directed edge
    # is there once, all triangles face one way, and no edge has three triangles.
    edges = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len({tuple(edge) for edge in edges.tolist()}) == len(edges)
    # From a face's corner one comes to all others.
    part = np.arange(len(model.mean))
    for _ in range(len(part)):
        lowest = part.copy()
        np.minimum.at(lowest, edges[:, 0], part[edges[:, 1]])
        np.minimum.at(lowest, edges[:, 1], part[edges[:, 0]])
        if np.array_equal(lowest, part):
            break
        part = lowest
    assert np.all(part == 0)

    identity = jax.random.normal(jax.random.key(0), (10, 80))
    shapes = np.asarray(morphable.vertices(model, identity, jnp.zeros((10, 64))))
    normals, expected = (
        mesh.triangle_normals(jnp.asarray(x), model.triangles)
        for x in (shapes, model.mean)
    )
    turned = np.sum(normals * expected, axis=-1) < 0
    # Folds of ears and nostrils, where triangles are small, may.
    assert turned.mean() < 0.01


def test_the_mean_face_is_symmetric_where_ffhq_has_faces_and_looks_at_the_viewer(model):
    a, b, c = np.asarray(model.mean)[np.asarray(model.triangles)].transpose(1, 0, 2)
    assert np.cross(b - a, c - a)[:, 2].sum() > 0
    nose = np.asarray(model.mean)[model.inner[30 - 17]]
    assert nose[2] > 0.9 * float(model.mean[:, 2].max())
    assert abs(nose[0]) < 0.01
    points = np.asarray(landmarks(model))
    eyes, mouth = points[36:48].mean(0), points[[48, 54]].mean(0)
    np.testing.assert_allclose(eyes, [0.5, ffhq.EYES_DOWN], atol=OFF)
    np.testing.assert_allclose(mouth, [0.5, ffhq.MOUTH_DOWN], atol=OFF)
    np.testing.assert_allclose(ibug.mirror(points), points, atol=1e-3)


@pytest.mark.parametrize("yaw", [15, 40])
def test_mirrored_views_have_mirrored_landmarks(model, yaw):
    mirrored = ibug.mirror(landmarks(model, yaw))
    np.testing.assert_allclose(landmarks(model, -yaw), mirrored, atol=2e-3)


def test_the_jaw_follows_the_view_and_components_are_in_order_and_plausible(model):
    points = np.asarray(landmarks(model, yaw=40))
    ear, nose, far = points[2], points[30], points[14]
    # Fixed vertices would bring the far side's landmark to the other side of the nose's
    # tip at such a turn, and leave the near side's in the middle of the cheek.
    assert far[0] > points[45, 0] - 0.02
    assert nose[0] - ear[0] > 2 * (far[0] - nose[0])

    sizes = {
        name: np.sqrt((np.asarray(getattr(model, name)) ** 2).sum(2).mean(1))
        for name in ("identity", "expression")
    }
    for name, size in sizes.items():
        assert np.all(np.diff(size) < 0.05 * size[0]), name
    # A first deviation of some millimetres, not of some centimetres.
    assert 0.02 < sizes["identity"][0] < 0.15
    assert 0.005 < sizes["expression"][0] < 0.1


def test_named_units_come_back_as_they_went_in_and_every_alias_is_made_of_them(model):
    shown = np.abs(np.asarray(model.unit_codes)).max(1) > 0
    assert [n for n, s in zip(model.unit_names, shown, strict=True) if not s] == [
        "tongueOut"
    ]
    back = morphable.named_expression(model, model.unit_codes)
    np.testing.assert_allclose(back, np.diag(shown), atol=0.01)
    assert set(morphable.ALIASES) <= set(morphable.names(model))


def lips(model, **amounts):
    """Height of the mouth's opening and its width with an expression, in dm."""
    code = morphable.expression_code(model, amounts)
    shape = np.asarray(morphable.vertices(model, jnp.zeros(80), code))
    points = dict(enumerate(shape[model.inner], start=17))
    return points[62][1] - points[66][1], points[54][0] - points[48][0]


def test_opening_the_jaw_opens_the_mouth_a_smile_widens_it_blinking_closes_eyes(model):
    at_rest, narrow = lips(model)
    opened, _ = lips(model, jawOpen=1.0)
    closed, _ = lips(model, jawOpen=1.0, mouthClose=1.0)
    assert opened > at_rest + 0.25
    assert abs(closed - at_rest) < 0.05
    _, smiling = lips(model, smile=1.0)
    assert smiling > 1.2 * narrow

    def openness(**amounts):
        code = morphable.expression_code(model, amounts)
        shape = np.asarray(morphable.vertices(model, jnp.zeros(80), code))
        eye = shape[model.inner[36 - 17 : 42 - 17]]
        return (eye[1:3, 1] - eye[[5, 4], 1]).mean()

    assert openness() > 0.06
    assert openness(blink=1.0) <= 0.01
    assert openness(eyesWide=1.0) > 1.3 * openness()
