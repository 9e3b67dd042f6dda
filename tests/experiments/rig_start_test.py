"""The regression from codes and the best linear rig under it, on linear toy data."""

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


def test_the_regression_explains_codes_it_has_not_seen(toy):
    codes, values, regression = toy
    found = ridge_regression.predict(regression, codes[800:])
    share = ridge_regression.explained(found, values[800:])
    assert share.shape == (SIZE + DESCRIPTOR,) and share.min() > 0.95


def test_the_ridge_agrees_with_the_normal_equations():
    rng = np.random.default_rng(1)
    codes, values = rng.normal(size=(40, 2, 5)), rng.normal(size=(40, 3))
    regression = ridge_regression.fit(codes, values, ridge=2.0)
    x = codes.reshape(40, -1) - codes.reshape(40, -1).mean(axis=0)
    y = (values - values.mean(axis=0)) / values.std(axis=0)
    expected = np.linalg.solve(x.T @ x + 2.0 * np.eye(10), x.T @ y)
    np.testing.assert_allclose(
        regression.kernel.reshape(10, 3), expected, rtol=1e-3, atol=1e-4
    )


def test_a_value_that_never_varies_stays_at_its_mean():
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(20, 2, 5))
    values = np.stack([np.full(20, 4.0), rng.normal(size=20)], axis=1)
    found = ridge_regression.predict(ridge_regression.fit(codes, values), codes)
    np.testing.assert_allclose(found[:, 0], 4.0)


def test_the_visible_change_is_that_of_renderings():
    model = builders.toy_morphable()
    theta = np.float32(parameters.to_vector(parameters.neutral()))
    change = rig_start.visible_change(model, theta)
    place = rig_start.slices()["illumination"]
    step = np.zeros(SIZE, np.float32)
    step[place] = 0.02 * np.random.default_rng(0).normal(size=27)

    def seen(vector):
        face = parameters.from_vector(jnp.asarray(vector))
        return render_vertices(model, face, 1, occlusion=False)

    before, after = seen(theta), seen(theta + step)
    squares = np.sum((after.colours - before.colours) ** 2, axis=-1)
    expected = np.sum(squares * before.visible) / np.sum(before.visible)
    np.testing.assert_allclose(step @ change @ step, expected, rtol=1e-3)


@pytest.mark.parametrize("component", parameters.COMPONENTS)
def test_no_other_offset_is_better(toy, component):
    regression = toy[2]
    rng = np.random.default_rng(2)
    root = rng.normal(size=(SIZE, SIZE)) / 16
    change = root @ root.T
    offsets = rig_start.directions(regression, change, component)
    place = rig_start.slices()[component]

    def loss(offset):
        """For one deviation of the component's first number."""
        moved = regression.deviation * np.einsum("rn,rnk->k", offset, regression.kernel)
        moved[place.start] -= regression.deviation[place.start]
        face = moved[:SIZE]
        if component == "rotation":
            face = np.where(np.arange(SIZE) // 3 == 1, 0, face)  # it may move
        return (
            rig_start.LENGTH[component] * np.sum(offset**2)
            + face @ change @ face
            + rig_start.PERSON[component] * np.sum(moved[SIZE:] ** 2)
        )

    best = loss(offsets[0])
    assert best < loss(0 * offsets[0])
    for _ in range(5):
        other = 0.02 * rng.normal(size=offsets[0].shape)
        assert loss(offsets[0] + other) > best
        # At the minimum the loss is even.
        np.testing.assert_allclose(
            loss(offsets[0] + other), loss(offsets[0] - other), rtol=1e-3
        )


@pytest.mark.parametrize(("component", "features"), [("rotation", 4), ("rotation", 3)])
def test_rignet_begins_as_the_linear_rig(toy, component, features):
    codes, _, regression = toy
    offsets = np.random.default_rng(3).normal(size=(3, ROWS, WIDTH))
    module = RigNet(features, hidden=5)
    blank = jnp.zeros((1, ROWS, WIDTH)), jnp.zeros((1, 3))
    network = module.init(jax.random.key(0), *blank)["params"]
    begun = rig_start.begin(network, regression, offsets, component)
    code, target = codes[:4], np.random.default_rng(4).normal(size=(4, 3))
    own = ridge_regression.predict(regression, code) - regression.mean
    own = (own / regression.deviation)[:, rig_start.slices()[component]]
    expected = np.einsum("sk,krn->srn", target - own, offsets)
    found = module.apply({"params": begun}, jnp.asarray(code), jnp.asarray(target))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_too_few_features_keep_the_largest_effects(toy):
    codes, _, regression = toy
    offsets = np.random.default_rng(3).normal(size=(3, ROWS, WIDTH))
    offsets[2] *= 1e-3
    module = RigNet(2, hidden=5)
    blank = jnp.zeros((1, ROWS, WIDTH)), jnp.zeros((1, 3))
    network = module.init(jax.random.key(0), *blank)["params"]
    begun = rig_start.begin(network, regression, offsets, "rotation")
    own = ridge_regression.predict(regression, codes[:4]) - regression.mean
    own = (own / regression.deviation)[:, :3]
    found = module.apply({"params": begun}, jnp.asarray(codes[:4]), jnp.zeros((4, 3)))
    np.testing.assert_allclose(
        found, -np.einsum("sk,krn->srn", own, offsets), atol=0.02
    )
