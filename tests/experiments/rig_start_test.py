import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import ridge_regression, rig_start
from pie_jax.core import theta as parameters
from pie_jax.face.render import render_vertices
from pie_jax.networks.rignet import RigNet
from tests import builders

ROWS, WIDTH, SIZE = 3, 120, 257
SAMPLES, DESCRIPTOR = 900, 8
PLACE = rig_start.slices()


@pytest.fixture(scope="module")
def toy():
    """Codes and values that depend on them linearly, with a little noise."""
    rng = np.random.default_rng(0)
    codes = np.float32(0.5 + rng.normal(size=(SAMPLES, ROWS, WIDTH)))
    kernel = rng.normal(size=(ROWS, WIDTH, SIZE + DESCRIPTOR)) / np.sqrt(ROWS * WIDTH)
    scale = rng.uniform(0.1, 2.0, SIZE + DESCRIPTOR)
    values = 0.3 + scale * np.einsum("srn,rnk->sk", codes, kernel)
    values += 0.05 * scale * rng.normal(size=values.shape)
    return codes, values, ridge_regression.fit(codes[:800], values[:800], ridge=1.0)


def predicted(regression, codes):
    """The values of codes, in standard deviations from their means."""
    return np.einsum("srn,rnk->sk", codes - regression.centre, regression.kernel)


def test_the_regression_explains_new_codes_and_agrees_with_the_normal_equations(toy):
    codes, values, regression = toy
    truth = (values[800:] - regression.mean) / regression.deviation
    error = np.mean((predicted(regression, codes[800:]) - truth) ** 2, axis=0)
    assert (error / truth.var(axis=0)).max() < 0.05

    rng = np.random.default_rng(1)
    codes, values = rng.normal(size=(40, 2, 5)), rng.normal(size=(40, 4))
    values[:, 3] = 4.0  # never varies, and stays at its mean
    regression = ridge_regression.fit(codes, values, ridge=2.0)
    x = codes.reshape(40, -1) - codes.reshape(40, -1).mean(axis=0)
    y = (values - values.mean(axis=0)) / [*values.std(axis=0)[:3], 1.0]
    expected = np.linalg.solve(x.T @ x + 2.0 * np.eye(10), x.T @ y)
    found = regression.kernel.reshape(10, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert regression.mean[3] == 4.0 and not found[:, 3].any()


def test_the_visible_change_is_that_of_renderings():
    model = builders.toy_morphable()
    theta = np.float32(parameters.to_vector(parameters.neutral()))
    change = rig_start.visible_change(model, theta)
    step = np.zeros(SIZE, np.float32)
    step[PLACE["illumination"]] = 0.02 * np.random.default_rng(0).normal(size=27)
    both = (parameters.from_vector(jnp.asarray(x)) for x in (theta, theta + step))
    before, after = (render_vertices(model, x, 1, occlusion=False) for x in both)
    squares = np.sum((after.colours - before.colours) ** 2, axis=-1)
    expected = np.average(squares, weights=before.visible)
    np.testing.assert_allclose(step @ change @ step, expected, rtol=1e-3)


@pytest.mark.parametrize("component", parameters.COMPONENTS)
def test_no_other_offset_is_better(toy, component):
    regression = toy[2]
    rng = np.random.default_rng(2)
    root = rng.normal(size=(SIZE, SIZE)) / 16
    change = root @ root.T
    first = rig_start.directions(regression, change, component)[0]

    def loss(offset):
        """For one deviation of the component's first number."""
        offset = offset / rig_start.SHARE[component]
        moved = regression.deviation * np.einsum("rn,rnk->k", offset, regression.kernel)
        start = PLACE[component].start
        moved[start] -= regression.deviation[start]
        face = moved[:SIZE]
        if component == "rotation":
            face = np.where(np.arange(SIZE) // 3 == 1, 0, face)  # it may move
        return (
            rig_start.LENGTH[component] * np.sum(offset**2)
            + face @ change @ face
            + rig_start.PERSON[component] * np.sum(moved[SIZE:] ** 2)
        )

    best = loss(first)
    assert best < loss(0 * first)
    for _ in range(5):
        other = 0.02 * rng.normal(size=first.shape)
        there, opposite = loss(first + other), loss(first - other)
        assert there > best
        np.testing.assert_allclose(there, opposite, rtol=1e-3)  # even at the minimum


def test_expressions_are_those_that_move_landmarks_as_the_face_model_does():
    model = builders.toy_morphable()
    theta = np.float32(parameters.to_vector(parameters.neutral()))
    rng = np.random.default_rng(0)
    moved = rig_start.landmark_change(model, theta, "expression")
    step = np.zeros((2, SIZE), np.float32)
    step[1, PLACE["expression"]] = 0.01 * rng.normal(size=64)
    faces = parameters.from_vector(jnp.asarray(theta + step))
    points = np.asarray(render_vertices(model, faces, 1, occlusion=False).landmarks)
    before, after = rig_start.seen_landmarks(points)
    expected = moved @ step[1, PLACE["expression"]]
    np.testing.assert_allclose(after - before, expected, rtol=0.05, atol=1e-4)

    # A code's first numbers are landmarks; MoFA sees another expression in others.
    codes = np.float32(rng.normal(size=(900, 1, 200)))
    values = np.zeros((900, SIZE + DESCRIPTOR + len(moved)))
    values[:, -len(moved) :] = codes[:, 0, : len(moved)]
    values[:, PLACE["expression"]] = codes[:, 0, -64:]
    regression = ridge_regression.fit(codes, values, ridge=1.0)
    change = np.eye(SIZE)
    offsets = rig_start.directions(regression, change, "expression", moved)[:, 0]
    shown = offsets[:, : len(moved)] / rig_start.SHARE["expression"]
    scale = regression.deviation[PLACE["expression"], None]
    np.testing.assert_allclose(shown, scale * moved.T, atol=0.02 * np.abs(moved).max())
    assert np.abs(offsets[:, -64:]).max() < 0.05 * np.abs(shown).max()


@pytest.mark.parametrize(
    ("features", "last", "atol"),
    [(4, 1.0, 1e-3), (3, 1.0, 1e-3), (2, 1e-3, 0.02)],  # two keep the largest effects
)
def test_rignet_begins_as_the_linear_rig(toy, features, last, atol):
    codes, _, regression = toy
    offsets = np.random.default_rng(3).normal(size=(3, ROWS, WIDTH))
    offsets[2] *= last
    module = RigNet(features, hidden=5)
    blank = jnp.zeros((1, ROWS, WIDTH)), jnp.zeros((1, 3))
    network = module.init(jax.random.key(0), *blank)["params"]
    begun = rig_start.begin(network, regression, offsets, "rotation")
    code, target = codes[:4], np.random.default_rng(4).normal(size=(4, 3))
    own = predicted(regression, code)[:, PLACE["rotation"]]
    expected = np.einsum("sk,krn->srn", target - own, offsets)
    found = module.apply({"params": begun}, jnp.asarray(code), jnp.asarray(target))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=atol)
