import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pie_jax.embedding import quasi_newton
from pie_jax.embedding.quasi_newton import direction, scale_by_quasi_newton

SHAPE = (3, 4)


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def random_pairs(count, rng):
    """Steps and a positive definite matrix times each, the newest first."""
    root = rng.normal(size=(12, 12))
    steps = rng.normal(size=(count, 12))
    return steps, steps @ (root @ root.T + np.eye(12))


def dense_inverse(steps, changes):
    """The inverse Hessian by the BFGS formula (Nocedal and Wright, eq. 6.17)."""
    inverse = np.eye(steps.shape[1])
    for s, y in zip(steps[::-1], changes[::-1], strict=True):
        left = np.eye(len(s)) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    return inverse


def run(function, start, num_steps, **values):
    """Points that were evaluated, their values, and where the last step leads."""
    optimizer = scale_by_quasi_newton(num_steps, **({"first": 0.5} | values))

    @jax.jit
    def step(x, state):
        value, gradient = jax.value_and_grad(function)(x)
        update, state = optimizer.update(gradient, state, x, value=value)
        return x - update, state, value

    x, state, points, found = jnp.asarray(start), optimizer.init(start), [], []
    for _ in range(num_steps):
        points.append(np.asarray(x))
        x, state, value = step(x, state)
        found.append(float(value))
    return points, np.array(found), np.asarray(x)


def steep(x):
    """A quadratic whose curvature runs from 0.1 to 10; its minimum, 0, is at 1."""
    weights = jnp.logspace(-1, 1, x.size).reshape(x.shape)
    return 0.5 * jnp.sum(weights * (x - 1) ** 2)


def rosenbrock(x):
    """A bent valley; its minimum, 0, is at 1."""
    x = x.reshape(-1)
    return jnp.sum(0.1 * (x[1:] - x[:-1] ** 2) ** 2 + 0.01 * (1 - x[:-1]) ** 2)


def test_the_direction_is_that_of_the_dense_formula_and_of_optax():
    rng = np.random.default_rng(0)
    steps, changes = random_pairs(7, rng)
    gradient = rng.normal(size=12)
    found = direction(*map(jnp.asarray, (gradient, steps, changes)))
    assert_allclose(found, dense_inverse(steps, changes) @ gradient, rtol=1e-9)
    padded = np.concatenate([steps, np.zeros((3, 12))])
    others = np.concatenate([changes, np.zeros((3, 12))])
    found = direction(*map(jnp.asarray, (gradient, padded, others)))
    assert_allclose(found, dense_inverse(steps, changes) @ gradient, rtol=1e-9)
    none = direction(jnp.asarray(gradient), jnp.zeros((3, 12)), jnp.zeros((3, 12)))
    assert_array_equal(none, gradient)

    reference = optax.scale_by_lbfgs(memory_size=5, scale_init_precond=False)
    x = jnp.asarray(np.random.default_rng(1).normal(size=SHAPE))
    state, seen = reference.init(x), []
    for _ in range(4):
        gradient = jax.grad(steep)(x)
        seen.insert(0, (x, gradient))
        update, state = reference.update(gradient, state, x)
        pairs = [(a - c, b - d) for (a, b), (c, d) in itertools.pairwise(seen)]
        if pairs:
            steps, changes = map(jnp.stack, zip(*pairs, strict=True))
            assert_allclose(direction(gradient, steps, changes), update, rtol=1e-9)
        x = x - 0.3 * update


@pytest.mark.parametrize(("function", "steps"), [(steep, 40), (rosenbrock, 400)])
def test_it_finds_the_minimum(function, steps):
    start = np.random.default_rng(3).normal(size=SHAPE)
    *_, end = run(function, start, steps)
    assert_allclose(end, np.ones(SHAPE), atol=1e-3)


def test_it_needs_far_fewer_steps_than_gradients_and_pairs_across_hills_are_damped():
    start = np.random.default_rng(4).normal(size=SHAPE)
    x = jnp.asarray(start)
    for _ in range(40):
        x = x - 0.15 * jax.grad(steep)(x)  # the curvature is 10 at most
    *_, end = run(steep, start, 40)
    assert steep(jnp.asarray(end)) < 1e-3 * steep(x)

    rng = np.random.default_rng(6)
    step = jnp.asarray(rng.normal(size=SHAPE))
    for change in (-step, 0.1 * step, jnp.asarray(rng.normal(size=SHAPE)) - step):
        damped = quasi_newton._damped(step, change)
        product = jnp.vdot(step, damped)
        assert product >= 0.999 * quasi_newton.LEAST * jnp.vdot(step, step)
    enough = 0.5 * step
    assert_array_equal(quasi_newton._damped(step, enough), enough)


@pytest.mark.parametrize("first", [0.5, 1.0])
def test_the_last_step_leads_to_the_best_point_of_all(first):
    start = np.random.default_rng(5).normal(size=SHAPE)
    for num_steps in (1, 2, 9):
        points, values, end = run(rosenbrock, start, num_steps, first=first)
        assert_allclose(end, points[values.argmin()], rtol=1e-9)


def test_a_worse_point_is_left_for_half_a_step_and_sizes_grow_to_the_whole():
    start = np.full(SHAPE, 2.0)
    points, values, _ = run(lambda x: 1.5 * jnp.sum(x**2), start, 3, first=1.0)
    assert_allclose(points[1], -2 * start, rtol=1e-6)
    assert values[1] > values[0]
    # The try has told that the curvature is three: the whole step would be exact.
    assert_allclose(points[2], (1 - quasi_newton.SHRINKAGE) * start, rtol=1e-6)
    points, *_ = run(lambda x: 0.5 * jnp.sum(x**2), start, 3, first=0.5)
    assert_allclose(points[1], 0.5 * start, rtol=1e-6)
    assert_allclose(points[2], (1 - 0.65) * points[1], rtol=1e-6)
    points, *_ = run(lambda x: 0.5 * jnp.sum(x**2), start, 3, first=0.9)
    assert_allclose(points[2], np.zeros(SHAPE), atol=1e-9)


def test_the_size_stays_where_half_is_gained_and_it_learns_from_steps_it_is_led():
    """The whole step of a quadratic of curvature c brings 2 - c of the prediction."""
    start = np.full(SHAPE, 2.0)
    for curvature, expected in ((1.2, 0.65), (1.5, 0.5), (1.9, 0.25)):
        optimizer = scale_by_quasi_newton(9, first=0.5)
        # The second evaluation tells of a first, whole step of size 1.
        state = optimizer.init(start)._replace(size=jnp.asarray(0.5))
        _, state = optimizer.update(curvature * start, state, value=0.0)
        whole = jnp.vdot(curvature * start, curvature * start)
        gained = (1 - curvature / 2) * whole
        state = state._replace(predicted=whole / 2)
        _, state = optimizer.update(0.5 * start, state, value=-gained)
        assert_allclose(state.size, expected, rtol=1e-9)

    rng = np.random.default_rng(8)
    start, lead = rng.normal(size=(2, *SHAPE))
    state, x = optimizer.init(start), jnp.asarray(start)
    value, gradient = jax.value_and_grad(steep)(x)
    update, state = optimizer.update(gradient, state, value=value, lead=lead, led=True)
    assert_allclose(-update, lead, rtol=1e-12)
    assert (state.size, state.predicted) == (0.5, 0)
    there = jax.grad(steep)(x + lead)
    _, state = optimizer.update(there, state, value=value - 1)
    assert state.size == 0.5  # nothing was predicted of the step
    assert_allclose(state.steps[0], lead, rtol=1e-12)
    assert_allclose(state.changes[0], there - gradient, rtol=1e-9)


def test_it_stays_in_a_minimum_and_forgets_old_pairs():
    points, values, end = run(steep, np.ones(SHAPE), 5)
    assert_array_equal([*points, end], np.ones((6, *SHAPE)))
    assert_array_equal(values, np.zeros(5))
    start = np.random.default_rng(7).normal(size=SHAPE)
    optimizer = scale_by_quasi_newton(9, first=0.5, memory=3)
    x, state, seen = jnp.asarray(start), optimizer.init(start), []
    for _ in range(6):
        value, gradient = jax.value_and_grad(steep)(x)
        update, state = optimizer.update(gradient, state, value=value)
        x = x - update
        seen.insert(0, state.step)
    assert state.steps.shape == (3, *SHAPE)
    # What was tried in the step before is the newest pair.
    assert_allclose(state.steps, jnp.stack(seen[1:4]), rtol=1e-12)
