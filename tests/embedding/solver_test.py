import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.embedding.solver import embedding_solver
from pie_jax.energy import people
from pie_jax.energy.total import Energy, energy
from pie_jax.networks import tuning
from tests import builders
from tests.checks import entry

KEYS = jnp.zeros((3, 2), jnp.uint32)


def random_codes(batch, num_ws=3, seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=(batch, num_ws, 512)), jnp.result_type(float))


def run(solver, codes, references, *chunks, params=1.0):
    """The last state and the joined information of several chunks."""
    state, infos = solver.init(codes, KEYS[: len(codes)], params), []
    for num_steps in chunks:
        state, info = solver.run(state, params, references, num_steps=num_steps)
        infos.append(info)
    return state, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *infos)


def assert_single_runs_agree(solver, codes, references, params):
    """State and information of a batch are those of its portraits, each run alone."""
    state, info = run(solver, codes, references, 3, params=params)
    for i in range(len(codes)):
        one = slice(i, i + 1)
        portrait = codes[one], entry(references, one)
        alone = run(solver, *portrait, 3, params=params)
        chex.assert_trees_all_close(entry(state, one), alone[0], rtol=1e-7, atol=1e-12)
        among = entry(info, (slice(None), one))
        chex.assert_trees_all_close(among, alone[1], rtol=1e-7)


@pytest.mark.parametrize(("space", "shape"), [("w", (512,)), ("w_plus", (3, 512))])
def test_state_and_information_have_the_documented_shapes(space, shape):
    solver = embedding_solver(builders.toy_energy(), builders.toy_stage(space))
    codes, references = random_codes(2), random_codes(2, seed=1)
    begun = solver.init(codes, KEYS[:2], None)
    state, info = solver.run(begun, 1.0, references, num_steps=5)
    chex.assert_trees_all_equal_shapes_and_dtypes(begun, state)
    chex.assert_shape(state.latent, (2, *shape))
    assert {leaf.shape[0] for leaf in jax.tree.leaves(state)} == {2}
    np.testing.assert_array_equal(begun.step, [0, 0])
    np.testing.assert_array_equal(state.step, [5, 5])
    chex.assert_type([state.latent, state.step], [jnp.float32, jnp.int32])
    chex.assert_shape(jax.tree.leaves(info), (5, 2))
    chex.assert_type([info.total, info.finite], [jnp.float32, bool])
    assert set(info.terms) == {"distance", "bumps"}


def test_information_is_of_the_energy_before_the_step_and_the_least_is_kept():
    toy = builders.toy_energy()
    solver = embedding_solver(toy, builders.toy_stage())
    codes, references = random_codes(2), random_codes(2, seed=1)
    _, info = run(solver, codes, references, 3, params=2.0)
    for i in range(2):
        total, terms = toy.value(2.0, references[i], codes[i], None)
        first = entry((info.total, info.terms), (0, i))
        chex.assert_trees_all_close(first, (total, terms), rtol=1e-5)
    assert (info.total[2] < info.total[0]).all()

    solver = embedding_solver(toy, quasi_newton(8))
    state, info = run(solver, codes, references, 5, 3, params=2000.0)
    for i in range(2):
        total, _ = toy.value(2000.0, references[i], state.latent[i], None)
        np.testing.assert_allclose(total, info.total[:, i].min(), rtol=1e-5)
    assert (info.total.min(axis=0) < 0.01 * info.total[0]).all()


def test_the_energy_is_traced_once_for_all_but_an_unusual_number_of_steps():
    chex.clear_trace_counter()
    toy = builders.toy_energy()
    once = toy._replace(value=chex.assert_max_traces(toy.value, n=1))
    solver = embedding_solver(once, builders.toy_stage())
    state = solver.init(random_codes(2), KEYS[:2], None)
    for seed in range(4):
        references = random_codes(2, seed=seed)
        params = jnp.float32(seed + 1)
        state, _ = solver.run(state, params, references, num_steps=2)
    np.testing.assert_array_equal(state.step, [8, 8])

    traces = []

    def value(params, reference, w_plus, person):
        traces.append(w_plus.shape)
        return toy.value(params, reference, w_plus, person)

    solver = embedding_solver(toy._replace(value=value), builders.toy_stage())
    run(solver, random_codes(2), random_codes(2, seed=1), 2, 2, 3, 2, 3)
    assert traces == [(3, 512)] * 2


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_a_chunk_of_steps_equals_single_steps(space):
    with jax.enable_x64(True):
        solver = embedding_solver(builders.toy_energy(), builders.toy_stage(space, 6))
        codes, references = random_codes(2), random_codes(2, seed=1)
        together = run(solver, codes, references, 6)
        chex.assert_trees_all_close(
            together, run(solver, codes, references, *[1] * 6), rtol=1e-10
        )
        chex.assert_trees_all_close(
            together, run(solver, codes, references, 4, 2), rtol=1e-10
        )


@pytest.mark.parametrize("optimizer", ["adam", "adadelta"])
def test_compiled_steps_equal_uncompiled_ones(optimizer):
    with jax.enable_x64(True):
        stage = builders.toy_stage("w", optimizer=optimizer, schedule="exponential")
        solver = embedding_solver(builders.toy_energy(), stage)
        codes, references = random_codes(1), random_codes(1, seed=1)
        compiled = run(solver, codes, references, 3)
        with jax.disable_jit():
            chex.assert_trees_all_close(
                compiled, run(solver, codes, references, 3), rtol=1e-10
            )


DRAWING = {"rig_identity": 1e-4, "edit_landmark": 1e-7}
DRAWING |= {"invariance_photometric": 1e-9, "invariance_landmark": 1e-7}


@pytest.mark.parametrize(
    ("space", "weights"), [("w", {"perceptual": 1e-3}), ("w_plus", DRAWING)]
)
def test_a_batch_gives_portrait_by_portrait_what_single_runs_give(space, weights):
    with jax.enable_x64(True):  # so that rounding does not hide a mixing of portraits
        generator, networks, params = builders.small_stack()
        total = energy(generator, networks, {"pixel": 1e-6} | weights)
        drawn = {"num_ws": generator.num_ws, "draw": people.bank}
        stage = builders.toy_stage(space, **drawn)
        solver = embedding_solver(total, stage)
        portraits = builders.small_portraits(2, generator.resolution)
        references = solver.prepare(params, portraits)
        codes = 0.1 * random_codes(2, generator.num_ws)
        assert_single_runs_agree(solver, codes, references, params)


def test_a_tuned_generator_is_each_portrait_s_own_and_its_code_stays():
    with jax.enable_x64(True):
        generator, networks, params = builders.small_stack()
        total = energy(generator, networks, {"pixel": 1e-6, "perceptual": 1e-5})
        stage = builders.toy_stage(
            "generator", 20, optimizer="adam_blocks", step_size=5e-2
        )
        solver = embedding_solver(total, stage)
        portraits = builders.small_portraits(2, generator.resolution)
        references = solver.prepare(params, portraits)
        codes = 0.1 * random_codes(2, generator.num_ws)
        state, info = run(solver, codes, references, 20, params=params)
        np.testing.assert_array_equal(state.latent["w_plus"], codes)
        assert (info.total[-1] < 0.995 * info.total[0]).all()
        own = tuning.part(params.generator)
        for name, tuned in state.latent["generator"].items():
            assert (tuned[0] != tuned[1]).any(), name
            away = jnp.sqrt(jnp.mean((tuned - own[name]) ** 2, axis=(1, 2)))
            # Twenty steps of at most a twentieth of the block's size, growing a little.
            assert (away < 1.5 * jnp.sqrt(jnp.mean(own[name] ** 2))).all(), name
        assert_single_runs_agree(solver, codes, references, params)


def test_an_energy_or_gradient_that_is_not_finite_is_told_for_its_portrait_only():
    solver = embedding_solver(builders.toy_energy(), builders.toy_stage())
    references = random_codes(3, seed=1).at[1, 2, 7].set(jnp.nan)
    _, info = run(solver, random_codes(3), references, 2)
    np.testing.assert_array_equal(info.finite, [[True, False, True]] * 2)

    def value(params, reference, w_plus, person):
        total = jnp.sqrt(jnp.sum((w_plus - reference) ** 2))  # a cusp at zero
        return total, {"total": total}

    cusp = Energy(prepare=lambda params, portrait: portrait, value=value)
    solver = embedding_solver(cusp, builders.toy_stage())
    codes = random_codes(2)
    _, info = run(solver, codes, codes.at[0].add(1.0), 1)
    assert jnp.isfinite(info.total).all()
    np.testing.assert_array_equal(info.finite, [[True, False]])


def quasi_newton(num_steps, **values):
    """A stage that compares energies, in the codes' own coordinates."""
    adaptive = {"optimizer": "quasi_newton", "schedule": "adaptive", "step_size": 0.5}
    return builders.toy_stage("w_plus", num_steps, **adaptive, **values)


def test_portraits_of_a_batch_accept_and_reject_each_by_itself():
    with jax.enable_x64(True):
        solver = embedding_solver(builders.toy_energy(), quasi_newton(3))
        # Far from the bumps' size, and near: the same steps are good and bad.
        codes = random_codes(2) * jnp.asarray([[[100.0]], [[0.1]]])
        references = random_codes(2, seed=1)
        assert_single_runs_agree(solver, codes, references, jnp.asarray(3000.0))
