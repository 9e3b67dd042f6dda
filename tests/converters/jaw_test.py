import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial import KDTree

from pie_jax.converters import jaw
from pie_jax.core import rotations
from pie_jax.face import landmarks
from tests import builders
from tests.converters import face_files as files

VERTICES, _ = builders.toy_head(4)
INNER = files.Head(subdivisions=4).landmarks[17:]


def jaws():
    """The vertices of the jaw's landmarks, which end on the head's sides."""
    angles = np.linspace(np.pi, 2 * np.pi, 17)
    places = [0.75 * np.cos(angles), np.sin(angles), np.full(17, 0.1)]
    return KDTree(VERTICES).query(np.transpose(places))[1]


FRONT = jaws()
CONTOUR = jaw.candidates(VERTICES, FRONT, INNER)


def test_candidates_keep_the_height_and_go_both_ways_to_the_outline():
    assert CONTOUR.dtype == np.int32 and len(CONTOUR) == 17
    np.testing.assert_array_equal(CONTOUR[:, 0], FRONT)
    assert np.all(CONTOUR[8] == FRONT[8])
    places = VERTICES[CONTOUR]
    moved = places - places[:, :1]
    assert np.abs(moved[..., 1]).max() < 0.1
    for i in (1, 2, 14, 15):
        assert moved[i, :, 2].max() > 0.3 and moved[i, :, 2].min() < -0.05
        forward = moved[i, 1 : 1 + len(jaw.FORWARD), 0]
        assert np.all(forward * np.sign(places[i, 0, 0]) <= 0)

    model = builders.toy_morphable(4).replace(
        contour=jnp.asarray(CONTOUR), inner=jnp.asarray(INNER)
    )

    @jax.jit
    def seen(model, yaw):
        turn = rotations.matrix(jnp.stack([0.0, yaw, 0.0]))
        points = rotations.rotate(turn, model.mean)[:, :2] * jnp.array([1, -1])
        return landmarks.landmarks(model, points)

    fixed = model.replace(contour=model.contour[:, :1])
    np.testing.assert_allclose(seen(model, 0.0), seen(fixed, 0.0), atol=0.01)
    # The nose turns to the viewer's right: the outline on the left is behind the jaw.
    moved = np.asarray(seen(model, 1.2) - seen(fixed, 1.2))[:, 0]
    assert np.all(moved[1:4] < -0.05)
    mirrored = np.asarray(seen(model, -1.2) - seen(fixed, -1.2))[:, 0]
    assert np.all(mirrored[13:16] > 0.05)
