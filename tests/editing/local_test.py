import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import local
from pie_jax.face import morphable, render
from tests import builders
from tests.editing.background_test import SIZE, SMALL, at, disc, picture

MASK = 256
KEPT = jax.jit(local.kept)


def mouthed():
    """A face, without the back of its head, with a hole in front, about which alone an
    expression moves vertices; the vertex in the hole's middle; and which ones move."""
    arrays = builders.toy_arrays(subdivisions=4)
    mean, triangles = arrays["mean"], arrays["triangles"]
    off = np.linalg.norm(mean[:, :2] - [0, -0.5], axis=1)
    lip = int(np.argmin(np.where(mean[:, 2] > 0, off, np.inf)))
    near = np.linalg.norm(mean - mean[lip], axis=1) < 0.3 * np.ptp(mean[:, 0])
    front = (mean[triangles, 2] > np.median(mean[:, 2])).all(axis=1)
    arrays["triangles"] = triangles[front & ~(triangles == lip).any(axis=1)]
    arrays["expression"] = np.where(near[None, :, None], arrays["expression"], 0)
    return morphable.from_arrays(arrays), lip, near


MODEL, LIP, NEAR = mouthed()
FACE = builders.random_theta(1, seed=3)
# Random bases of so many vertices are spikes.
OWN = FACE.replace(identity=0 * FACE.identity, expression=0 * FACE.expression)


def expressed(amount):
    return OWN.replace(expression=OWN.expression + amount)


def moved(target):
    return np.asarray(local.moved(MODEL, OWN, target, MASK))


def test_what_moves_is_about_the_mouth_and_between_its_lips_and_nowhere_else():
    moves = moved(expressed(0.3))
    assert moves.shape == (MASK, MASK)
    ends = [
        render.render_vertices(MODEL, x, MASK, occlusion=False)
        for x in (OWN, expressed(0.3))
    ]
    x, y = np.int32(np.asarray(ends[0].points)[0, LIP])
    face = render.paint(MODEL, ends[0], ends[0].points, MASK)[1][0, ..., 0]
    assert face[y, x] == 0 and moves[y, x] == pytest.approx(1)  # between the lips
    far = ~NEAR & (np.asarray(ends[0].visible)[0] > 0)
    points = np.asarray(ends[0].points)[0]
    moving = points[NEAR]
    checked = 0
    for px, py in points[far]:  # a slow loop over what is seen and does not move
        apart = np.abs(moving - [px, py]).max(axis=1).min()
        if apart > 24 and 0 < px < MASK - 1 and 0 < py < MASK - 1:
            assert moves[int(py), int(px)] == 0
            checked += 1
    assert checked > 50


@pytest.mark.parametrize("amount", [0.0, 1e-6])
def test_what_asks_for_nothing_moves_nothing(amount):
    np.testing.assert_allclose(moved(expressed(amount)), 0, atol=1e-3)
    turned = OWN.replace(rotation=OWN.rotation + 0.3)  # which is no expression
    np.testing.assert_array_equal(moved(turned), 0)


def test_the_photograph_stays_where_nothing_moves_and_the_edit_is_seen_where_it_does():
    photo, edited, moves = picture(0), picture(1), disc(0.5, 0.5, 0.1)
    found, reached = KEPT(photo, edited, moves)
    np.testing.assert_allclose(at(found, 0.5, 0.5), at(edited, 0.5, 0.5), atol=2e-2)
    for place in ((0.5, 0.08), (0.95, 0.5), (0.04, 0.04)):
        np.testing.assert_allclose(at(found, *place), at(photo, *place), atol=2e-2)
    assert reached[SMALL // 2, SMALL // 2] == 1 and reached[0, 0] == 0
    whole = np.kron(np.asarray(reached), np.ones((SIZE // SMALL,) * 2))
    apart = np.abs(np.asarray(found - photo)).max(axis=-1)
    assert apart[whole == 0].max() < 1e-6  # there it is the photograph


def test_where_nothing_moves_or_both_are_one_picture_it_is_the_photograph():
    photo = picture(0)
    found, reached = KEPT(photo, picture(1), jnp.zeros((SMALL, SMALL)))
    np.testing.assert_allclose(found, photo, atol=1e-6)
    assert reached.max() == 0
    found, _ = KEPT(photo, photo, disc(0.5, 0.5, 0.2))
    np.testing.assert_allclose(found, photo, atol=1e-6)
