import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import directions


def unit(seed):
    vector = np.random.default_rng(seed).normal(size=512)
    return jnp.asarray(vector / np.linalg.norm(vector), jnp.float32)


def codes(*shape):
    return jnp.asarray(np.random.default_rng(9).normal(size=(*shape, 512)), jnp.float32)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_a_move_changes_the_distance_by_the_amount_and_nothing_else(shape):
    code, direction = codes(*shape), unit(0)
    moved = directions.move(code, direction, 1.5)
    before = directions.distance(code, direction)
    after = directions.distance(moved, direction)
    chex.assert_trees_all_close(after - before, jnp.full(shape, 1.5), atol=1e-4)
    side = jnp.eye(512) - jnp.outer(direction, direction)
    chex.assert_trees_all_close(moved @ side, code @ side, atol=1e-4)


def test_every_code_may_have_its_own_amount_and_conditioned_directions_are_apart():
    code, direction = codes(2, 5), unit(0)
    amounts = jnp.arange(10.0).reshape(2, 5)
    moved = directions.move(code, direction, amounts)
    expected = code + amounts[..., None] * direction
    chex.assert_trees_all_close(moved, expected, atol=1e-6)
    with pytest.raises(AssertionError):
        directions.move(codes(2), jnp.zeros(256), 1.0)

    age, others = unit(0), (unit(1), unit(2))
    # Attributes are correlated, and so are the others among themselves.
    age = (age + 0.4 * others[0] + 0.3 * others[1]) / 1.2
    others = (others[0], 0.8 * others[1] + 0.6 * others[0])
    found = directions.conditioned(age / jnp.linalg.norm(age), *others)
    for other in others:
        assert abs(found @ other) < 1e-5
    assert jnp.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert found @ age > 0.5


@pytest.mark.parametrize("wrap", [jax.jit, lambda function: function])
def test_moved_codes_are_at_the_distance_asked_for(wrap):
    code, direction, targets = codes(3), unit(1), jnp.asarray([-3.0, 0.0, 3.0])
    moved = wrap(directions.move_to)(code, direction, targets)
    found = directions.distance(moved, direction)
    chex.assert_trees_all_close(found, targets, atol=1e-4)
    again = directions.move_to(moved, direction, targets)
    chex.assert_trees_all_close(again, moved, atol=1e-4)
