import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import local
from pie_jax.face import render
from tests import builders
from tests.editing.background_test import EVERYWHERE, SIZE, SMALL, at, disc, picture

MODEL = builders.toy_morphable()
OWN = builders.random_theta(1, seed=3)
KEPT = jax.jit(local.kept)


def expressed(amount):
    return OWN.replace(expression=OWN.expression + amount)


def test_what_moves_is_where_vertices_move_before_and_after_and_between_lips():
    moves = np.asarray(local.moved(MODEL, OWN, expressed(1.0), SMALL))
    assert moves.shape == (SMALL, SMALL) and moves.min() == 0
    ends = [
        render.render_vertices(MODEL, x, SMALL, occlusion=False)
        for x in (OWN, expressed(1.0))
    ]
    way = np.hypot(*np.moveaxis(np.asarray(ends[1].points - ends[0].points)[0], -1, 0))
    for end in ends:  # a slow loop: each pixel that has a vertex on it that moved
        for (x, y), far in zip(np.asarray(end.points)[0], way, strict=True):
            inside = 1 < x < SMALL - 1 and 1 < y < SMALL - 1
            if inside and far > 0.5 * SMALL / 256:
                assert moves[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].max() > 0
    masks = [render.paint(MODEL, x, x.points, SMALL)[1][0, ..., 0] for x in ends]
    face = np.asarray(jnp.maximum(*masks))
    reach = 2 * round(local._HOLE * SMALL / 256) + 1
    rows, columns = np.nonzero(moves)
    for row, column in zip(rows, columns, strict=True):
        window = np.s_[
            max(0, row - reach) : row + reach + 1,
            max(0, column - reach) : column + reach + 1,
        ]
        assert face[window].any()


@pytest.mark.parametrize("amount", [0.0, 1e-6])
def test_what_asks_for_nothing_moves_nothing(amount):
    moves = local.moved(MODEL, OWN, expressed(amount), SMALL)
    np.testing.assert_allclose(moves, 0, atol=1e-3)
    turned = OWN.replace(rotation=OWN.rotation + 0.3)  # which is no expression
    np.testing.assert_array_equal(local.moved(MODEL, OWN, turned, SMALL), 0)


def test_the_photograph_stays_where_nothing_moves_and_the_edit_is_seen_where_it_does():
    photo, edited = picture(0), picture(1)
    before, after, moves = (
        disc(0.5, 0.5, 0.35),
        disc(0.5, 0.5, 0.4),
        disc(0.5, 0.5, 0.2),
    )
    found, head = KEPT(photo, edited, before, after, moves, EVERYWHERE)
    np.testing.assert_allclose(at(found, 0.5, 0.5), at(edited, 0.5, 0.5), atol=2e-2)
    for place in (
        (0.5, 0.12),
        (0.95, 0.5),
        (0.04, 0.04),
    ):  # in the hair; beside the head
        np.testing.assert_allclose(at(found, *place), at(photo, *place), atol=2e-2)
    np.testing.assert_allclose(head[SMALL // 2, SMALL // 2], 1)
    np.testing.assert_allclose(head[SMALL // 2, int(0.88 * SMALL)], 0)  # only after


def test_where_nothing_moves_or_both_are_one_picture_it_is_the_photograph():
    photo, head = picture(0), disc(0.5, 0.5, 0.3)
    none = jnp.zeros((SMALL, SMALL))
    found, _ = KEPT(photo, picture(1), head, head, none, EVERYWHERE)
    np.testing.assert_allclose(found, photo, atol=1e-5)
    found, _ = KEPT(photo, photo, head, head, disc(0.5, 0.5, 0.2), EVERYWHERE)
    np.testing.assert_allclose(found, photo, atol=1e-5)
    assert found.shape == (SIZE, SIZE, 3)
