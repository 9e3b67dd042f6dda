"""v is drawn anew in each step, by a key that is part of the optimiser's state."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pie_jax.embedding import sampling, schedule
from pie_jax.embedding.solver import embedding_solver
from pie_jax.energy.total import Energy
from tests import builders
from tests.checks import entry

IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 4, 3)), jnp.float32)
SEED = 5


def draw(params, key):
    """Somebody of eleven numbers."""
    return jax.random.uniform(key, (11,))


def value(params, reference, w_plus, person):
    return jnp.sum(w_plus * reference) * person.sum(), {"drawn": person[0]}


ENERGY = Energy(prepare=lambda params, portrait: portrait, value=value)


def stages(*lengths, shares_v=True):
    spaces = ("w", "w_plus")[-len(lengths) :]
    return tuple(
        builders.toy_stage(space, n, draw=draw, shares_v=shares_v)
        for space, n in zip(spaces, lengths, strict=True)
    )


def codes(batch, seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=(batch, 3, 512)), jnp.float32)


def begin(chosen, images=IMAGES):
    keys = sampling.keys(SEED, images, shared=chosen[0].shares_v)
    return schedule.begin(ENERGY, chosen, codes(len(images)), keys, None)


def advance(chosen, progress, references, report_every=2):
    return list(
        schedule.advance(ENERGY, chosen, 1.0, references, progress, report_every)
    )


def expected(key, steps):
    """What a plain loop draws."""
    drawn = []
    for _ in range(steps):
        key, now = jax.random.split(key)
        drawn.append(draw(None, now)[0])
    return np.asarray(drawn)


def test_all_portraits_see_the_same_v_a_new_one_in_each_step_of_all_stages():
    chosen = stages(4, 6)
    *_, last = advance(chosen, begin(chosen), codes(3, seed=1))
    drawn = last.trace["drawn"]
    alike = expected(jax.random.key(SEED), 10)
    np.testing.assert_allclose(drawn, np.tile(alike, (3, 1)).T, rtol=1e-6)
    assert len(np.unique(drawn)) == 10


def test_a_shared_v_is_made_once_for_all_portraits():
    for shares_v in (True, False):
        (stage,) = stages(4, shares_v=shares_v)
        solver = embedding_solver(ENERGY, stage)
        keys = sampling.keys(SEED, IMAGES, shared=shares_v)
        state = solver.init(codes(3), keys, None)
        program = str(
            jax.make_jaxpr(
                lambda x, run=solver.run: run(x, 1.0, codes(3), num_steps=1)
            )(state)
        )
        assert ("[3,11]" in program) is not shares_v


def test_portraits_with_their_own_v_see_the_same_alone_and_in_any_batch():
    chosen = stages(2, 2, shares_v=False)
    references = codes(3, seed=1)
    *_, last = advance(chosen, begin(chosen), references)
    drawn = last.trace["drawn"]
    assert len(np.unique(drawn)) == drawn.size
    for i in (0, 2):
        one = slice(i, i + 1)
        start = begin(chosen, IMAGES[one])
        state = start.state
        state = dataclasses.replace(state, latent=codes(3).mean(axis=1)[one])
        start = schedule.Progress(state, start.trace, 0)
        *_, alone = advance(chosen, start, references[one])
        np.testing.assert_array_equal(alone.trace["drawn"][:, 0], drawn[:, i])


@pytest.mark.parametrize("shares_v", [True, False])
def test_a_run_goes_on_from_any_state_with_the_same_v(shares_v):
    chosen = stages(4, 4, shares_v=shares_v)
    references = codes(3, seed=1)
    whole = advance(chosen, begin(chosen), references)
    for index in range(4):
        told = advance(chosen, whole[index], references)
        chex.assert_trees_all_equal(told, whole[index + 1 :])


def test_the_link_changes_no_update_and_other_chains_have_no_key():
    plain, drawing = builders.toy_stage(), builders.toy_stage(draw=draw)
    latent, gradient = codes(1)[0], codes(1, seed=2)[0]
    updates = []
    for stage in (plain, drawing):
        state = stage.optimizer.init(latent)
        state = sampling.seed(state, jax.random.key_data(jax.random.key(3)))
        changed, after = stage.optimizer.update(gradient, state, latent, value=1.0)
        updates.append(changed)
        found, later = sampling.v_key(state), sampling.v_key(after)
        assert (found is None) == (later is None) == (stage is plain)
    chex.assert_trees_all_equal(*updates)
    assert np.any(found != later)
    np.testing.assert_array_equal(optax.tree_utils.tree_get(after, "v_key"), later)
    assert sampling.carry(state, after) is not None
    chex.assert_trees_all_equal(sampling.v_key(sampling.carry(state, after)), later)
    kept = plain.optimizer.init(latent)
    assert sampling.carry(kept, kept) is kept


def test_another_seed_draws_others():
    first, other = (sampling.keys(seed, IMAGES, shared=True) for seed in (0, 1))
    assert np.any(first != other) and np.all(first == entry(first, slice(0, 1)))
