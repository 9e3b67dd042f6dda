import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.training.update import adamw, training


def objective(params, given, key, batch):
    """Zero at `given`; the key only shakes the gradient."""
    error = params["x"] - given + 1e-3 * jax.random.normal(key, (3,))
    loss = jnp.mean(batch * error**2)
    return loss, {"loss": loss}


GOAL = jnp.array([1.0, -2.0, 3.0])
BATCH = jnp.ones(3)


def run(steps, seed=0, **values):
    functions = training(objective, adamw(400, 0.05), seed=seed, **values)
    state = functions.init({"x": jnp.zeros(3)})
    for _ in range(steps):
        state, terms = functions.step(state, GOAL, BATCH)
    return state, terms


def test_the_loss_descends_the_average_follows_and_bits_repeat():
    state, terms = run(400)
    assert terms["loss"] < 1e-3
    assert state.step == 400
    np.testing.assert_allclose(state.params["x"], GOAL, atol=0.05)
    np.testing.assert_allclose(state.average["x"], GOAL, atol=0.2)
    chex.assert_trees_all_equal(run(5)[0], run(5)[0])
    assert not np.array_equal(run(5)[0].params["x"], run(5, seed=1)[0].params["x"])

    functions = training(objective, adamw(400, 0.05), memory=0.5)
    state = functions.init({"x": jnp.ones(3)})
    average = np.ones(3)
    for step in range(20):
        state, _ = functions.step(state, GOAL, BATCH)
        kept = min(0.5, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * np.asarray(state.params["x"])
    np.testing.assert_allclose(state.average["x"], average, rtol=1e-5)


def test_steps_are_traced_once_with_keys_of_their_own_and_only_kernels_decay():
    counted = chex.assert_max_traces(objective, n=1)
    chex.clear_trace_counter()
    functions = training(counted, adamw(10, 0.1))
    state = functions.init({"x": jnp.zeros(3)})
    for scale in (1.0, 2.0, 3.0):
        state, _ = functions.step(state, scale * GOAL, scale * BATCH)
    assert np.all(np.isfinite(state.params["x"]))

    def keys(params, given, key, batch):
        return jnp.sum(params["x"] ** 2), {"key": jax.random.key_data(key)}

    functions = training(keys, adamw(4, 0.1))
    state = functions.init({"x": jnp.ones(3)})
    seen = []
    for _ in range(3):
        state, terms = functions.step(state, None, None)
        seen.append(tuple(np.asarray(terms["key"])))
    assert len(set(seen)) == 3

    def slope(params, given, key, batch):
        return jnp.sum(jnp.array([30.0, 40.0]) * params), {}

    functions = training(slope, adamw(4, 0.1))
    _, terms = functions.step(functions.init(jnp.zeros(2)), None, None)
    np.testing.assert_allclose(terms["gradient"], 50, rtol=1e-6)

    def flat(params, given, key, batch):
        return jnp.zeros(()), {}

    begun = {"conv": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}}
    begun |= {"norm": {"scale": jnp.ones(2)}, "scale": jnp.ones((68, 2))}
    functions = training(flat, adamw(4, 0.1))
    state = functions.init(begun)
    for _ in range(3):
        state, _ = functions.step(state, None, None)
    assert np.all(state.params["conv"]["kernel"] < 1)
    left = jax.tree.map(jnp.array, state.params)
    left["conv"]["kernel"] = begun["conv"]["kernel"]
    chex.assert_trees_all_equal(left, begun)


@pytest.mark.parametrize("num_steps", [1, 9, 20_000])
def test_any_length_of_training_has_a_schedule(num_steps):
    functions = training(objective, adamw(num_steps, 0.1))
    state = functions.init({"x": jnp.zeros(3)})
    # A rise begins with a step of length zero; without one the first step is whole.
    for _ in range(2):
        state, _ = functions.step(state, GOAL, BATCH)
    assert np.all(np.isfinite(state.params["x"]))
    assert np.any(state.params["x"] != 0)
