import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pie_jax.embedding import stages
from pie_jax.embedding.curvature import rescale
from tests import builders

SIZE = 50.0


def build(**values):
    defaults = {
        "space": "w_plus",
        "num_steps": 40,
        "optimizer": "adam",
        "step_size": SIZE,
        "schedule": "exponential",
        "num_ws": 3,
    }
    return stages.stage(**(defaults | values))


def follow(stage, gradient, start, num_steps):
    """The positions after each step down a gradient."""

    @jax.jit
    def step(x, state):
        updates, state = stage.optimizer.update(gradient(x), state, x)
        return optax.apply_updates(x, updates), state

    x, state, positions = start, stage.optimizer.init(start), []
    for _ in range(num_steps):
        x, state = step(x, state)
        positions.append(np.asarray(x))
    return positions


def slow_adadelta(x, gradient, num_steps, rho=0.95, epsilon=1e-8):
    """TensorFlow's ApplyAdadelta with the paper's learning rate."""
    accum, accum_update, positions = np.zeros_like(x), np.zeros_like(x), []
    for t in range(num_steps):
        grad = gradient(x)
        accum = rho * accum + (1 - rho) * grad**2
        update = np.sqrt(accum_update + epsilon) / np.sqrt(accum + epsilon) * grad
        accum_update = rho * accum_update + (1 - rho) * update**2
        x = x - SIZE * 0.1 ** (t / 2000) * update
        positions.append(x)
    return positions


def slow_adam(x, gradient, num_steps, b1=0.9, b2=0.999, epsilon=1e-8):
    """Kingma and Ba, Algorithm 1, with the same learning rate."""
    mean, square, positions = np.zeros_like(x), np.zeros_like(x), []
    for t in range(num_steps):
        grad = gradient(x)
        mean = b1 * mean + (1 - b1) * grad
        square = b2 * square + (1 - b2) * grad**2
        unbiased = mean / (1 - b1 ** (t + 1)), square / (1 - b2 ** (t + 1))
        step = unbiased[0] / (np.sqrt(unbiased[1]) + epsilon)
        x = x - SIZE * 0.1 ** (t / 2000) * step
        positions.append(x)
    return positions


@pytest.mark.parametrize(
    ("optimizer", "reference"), [("adadelta", slow_adadelta), ("adam", slow_adam)]
)
def test_the_optimizer_follows_its_formula(optimizer, reference):
    with jax.enable_x64(True):
        start = np.random.default_rng(0).normal(size=(3, 4))
        # From gradients that epsilon outweighs to such as the energy has.
        steepness = np.logspace(-5, 3, 12).reshape(3, 4)

        def gradient(x):
            return steepness * (x + 0.3)

        ours = follow(build(optimizer=optimizer), gradient, jnp.asarray(start), 40)
        expected = reference(start, gradient, 40)
        # optax computes the schedule in float32.
        size = np.abs(expected).max()
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7 * size)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("exponential", lambda t: 0.1 ** (t / 2000)),
        ("cosine", lambda t: (1 + np.cos(np.pi * t / 40)) / 2),
    ],
)
def test_the_step_size_follows_the_schedule(schedule, expected):
    # Adam's step along a constant gradient is the step size.
    stage = build(schedule=schedule)
    positions = follow(stage, jnp.ones_like, jnp.zeros(()), 41)
    sizes = -np.diff(positions, prepend=0.0)
    np.testing.assert_allclose(sizes, SIZE * expected(np.arange(41)), atol=2e-3)


def test_the_schedule_does_not_depend_on_length_and_w_is_given_to_every_style_input():
    lengths = [
        follow(build(num_steps=n), jnp.ones_like, jnp.zeros(()), 5) for n in (5, 3000)
    ]
    np.testing.assert_array_equal(*lengths)

    stage, rows = build(space="w"), random_rows()
    w = jnp.arange(512.0)
    np.testing.assert_array_equal(stage.expand(w), np.stack([w, w, w]))
    np.testing.assert_allclose(stage.begin(rows, None), sum(rows) / 3, atol=1e-6)
    # And its gradient is the sum over them.
    gradient = jax.grad(lambda w: jnp.vdot(rows, stage.expand(w)))(w)
    np.testing.assert_allclose(gradient, sum(rows), atol=1e-5)
    same = build().expand(build().begin(rows, None))
    np.testing.assert_array_equal(same, rows)


def random_rows():
    return jnp.asarray(np.random.default_rng(0).normal(size=(3, 512)), jnp.float32)


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("coordinates", ["curvature", "principal", "w"]),
        ("space", ["generator", "w", "w_plus"]),
        (
            "optimizer",
            ["adadelta", "adam", "adam_blocks", "adam_short", "quasi_newton"],
        ),
        ("schedule", ["adaptive", "cosine", "exponential", "plateau"]),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(what, known):
    with pytest.raises(ValueError) as error:
        build(**{what: "sgd"})
    assert str(error.value) == f"{what} is 'sgd'; choose one of {known}"


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"optimizer": "adam_blocks", "coordinates": "principal"}, "for space 'gene"),
        (
            {"optimizer": "quasi_newton", "schedule": "adaptive", "space": "generator"},
            "is for codes",
        ),
    ],
)
def test_what_cannot_go_together_is_refused(chosen, said):
    with pytest.raises(ValueError, match=said):
        build(**chosen)


@pytest.mark.parametrize("num_steps", [1, 2, 7, 100])
def test_the_plateau_rises_stays_and_falls_towards_zero(num_steps):
    built = stages.stage("w", num_steps, "adam", 0.5, "plateau", 2)
    direction = jnp.ones(512)
    state, sizes = built.optimizer.init(direction), []
    for _ in range(num_steps):
        # Equal gradients: Adam's direction has length one, so steps show the schedule.
        update, state = built.optimizer.update(direction, state)
        sizes.append(-float(update[0]))
    assert 0 < min(sizes) and max(sizes) <= 0.5 * 1.001
    if num_steps == 100:
        assert sizes[0] < sizes[5] < sizes[10]
        np.testing.assert_allclose(sizes[10:60], 0.5, rtol=1e-4)
        assert sizes[60:] == sorted(sizes[60:], reverse=True) and sizes[-1] < 0.002


def test_coordinates_change_the_optimizers_view_and_the_length_of_steps_only():
    axes = jnp.asarray([[0.0, 2.0], [-0.5, 0.0]])
    principal, plain = build(coordinates="principal"), build()
    assert principal.needs == ("latents",) and not plain.needs
    state, reference = (s.optimizer.init(jnp.zeros((3, 2))) for s in (principal, plain))
    rng = np.random.default_rng(0)
    for _ in range(3):
        grad = jnp.asarray(rng.normal(size=(3, 2)), jnp.float32)
        update, state = principal.optimizer.update(grad, state, latents={"axes": axes})
        along, reference = plain.optimizer.update(grad @ axes, reference)
        np.testing.assert_allclose(update, along @ axes.T, rtol=1e-6)
    # Adam's first step is the step size, here one standard deviation, in each axis.
    stage = build(coordinates="principal", step_size=1.0)
    axes = jnp.diag(jnp.asarray([0.1, 3.0]))
    state = stage.optimizer.init(jnp.zeros((1, 2)))
    grad = jnp.asarray([[5.0, -0.2]])
    update, _ = stage.optimizer.update(grad, state, latents={"axes": axes})
    np.testing.assert_allclose(update, [[-0.1, 3.0]], rtol=1e-4)

    rng = np.random.default_rng(0)
    axes = builders.orthogonal(512, rng) * jnp.linspace(0.1, 2, 512)
    curvature = {
        "directions": jnp.stack([builders.orthogonal(512, rng)[:, :3]] * 3),
        "roots": jnp.full((3, 3), 20.0),
        "rest": jnp.ones(3),
    }
    curved, plain = build(coordinates="curvature"), build()
    assert curved.needs == ("latents", "curvature")
    state, reference = (s.optimizer.init(jnp.zeros((3, 512))) for s in (curved, plain))
    for _ in range(3):
        grad = jnp.asarray(rng.normal(size=(3, 512)), jnp.float32)
        update, state = curved.optimizer.update(
            grad, state, latents={"axes": axes}, curvature=curvature, value=1.0
        )
        seen = rescale(curvature, grad @ axes)
        along, reference = plain.optimizer.update(seen, reference, value=1.0)
        expected = rescale(curvature, along) @ axes.T
        np.testing.assert_allclose(update, expected, rtol=1e-4, atol=1e-4)


def test_adam_leads_the_quasi_newton_optimizer_at_first():
    """The points that are tried first are Adam's own along the principal axes."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        axes = jnp.asarray(builders.orthogonal(512, rng)) * rng.uniform(0.5, 2, 512)
        curvature = {
            "directions": jnp.asarray(rng.normal(size=(3, 512, 2))),
            "roots": jnp.asarray(rng.uniform(1, 30, (3, 2))),
            "rest": jnp.ones(3),
        }
        curvature["directions"] = jnp.linalg.qr(curvature["directions"])[0]
        built = build(
            optimizer="quasi_newton",
            schedule="adaptive",
            coordinates="curvature",
            step_size=0.1,
            num_steps=20,
        )
        adam = optax.scale_by_adam(b2=0.95)
        x = own = jnp.asarray(rng.normal(size=(3, 512)))
        state, adam_state = built.optimizer.init(x), adam.init(x)
        sizes = stages._plateau(stages.LED_SIZE, stages.LED)
        values = []
        for i in range(20):
            value, grad = jax.value_and_grad(lambda x: 5 * jnp.sum(x**2))(x)
            values.append(float(value))
            if i <= stages.LED:
                np.testing.assert_allclose(x, own, atol=1e-7)  # sizes are float32
                update, adam_state = adam.update(grad @ axes, adam_state)
                own = own - sizes(i) * update @ axes.T
            update, state = built.optimizer.update(
                grad, state, latents={"axes": axes}, curvature=curvature, value=value
            )
            x = x + update
        assert (np.diff(values[: stages.LED + 1]) < 0).all()
        assert 5 * jnp.sum(x**2) <= min(values) < 0.5 * values[stages.LED]


def test_the_quasi_newton_optimizer_goes_down_and_keeps_the_best():
    built = build(
        optimizer="quasi_newton", schedule="adaptive", step_size=0.5, num_steps=9
    )
    assert built.keeps_best and not build().keeps_best
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2)), jnp.float32)
    state = built.optimizer.init(x)
    for _ in range(9):
        value, grad = jax.value_and_grad(lambda x: jnp.sum(jnp.cosh(x - 1)))(x)
        update, state = built.optimizer.update(grad, state, x, value=value)
        x = optax.apply_updates(x, update)
    np.testing.assert_allclose(x, np.ones((3, 2)), atol=0.01)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "quasi_newton"}, "'quasi_newton' and 'adaptive' go together"),
        ({"schedule": "adaptive"}, "'quasi_newton' and 'adaptive' go together"),
        ({"coordinates": "curvature", "space": "w"}, "are those of space 'w_plus'"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"num_steps": -1}, "num_steps is -1"),
    ],
)
def test_values_without_meaning_or_that_do_not_go_together_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        build(**values)
