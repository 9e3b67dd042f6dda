import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pie_jax.embedding import schedule
from pie_jax.energy.total import Energy
from tests import builders

ENERGY = builders.toy_energy()
STAGES = (
    builders.toy_stage("w", 6),
    builders.toy_stage(
        "w_plus", 4, optimizer="adadelta", step_size=10.0, schedule="exponential"
    ),
)


def random_codes(seed=0):
    return jnp.asarray(
        np.random.default_rng(seed).normal(size=(2, 3, 512)), jnp.result_type(float)
    )


def advance(progress, report_every=2, stages=STAGES, energy=ENERGY):
    """Everything that is yielded from there on."""
    return list(
        schedule.advance(energy, stages, 1.0, random_codes(1), progress, report_every)
    )


KEYS = jnp.zeros((2, 2), jnp.uint32)


def begin(stages=STAGES, energy=ENERGY):
    return schedule.begin(energy, stages, random_codes(), KEYS, None)


@pytest.fixture(scope="module")
def undisturbed():
    return advance(begin())


def test_nothing_has_happened_at_first_and_chunks_of_any_length_end_alike():
    progress = begin()
    assert (progress.stage, progress.steps) == (0, 0)
    chex.assert_shape(progress.trace["total"], (0, 2))
    assert_allclose(progress.state.latent, random_codes().mean(axis=1), atol=1e-6)

    with jax.enable_x64(True):
        whole = advance(begin(), 12)[-1]
        for report_every in (1, 2):
            chex.assert_trees_all_close(
                advance(begin(), report_every)[-1], whole, rtol=1e-9
            )


@pytest.mark.parametrize(
    ("report_every", "steps"),
    [
        (2, [2, 4, 6, 8, 10]),
        (4, [2, 4, 6, 10]),
        (3, [3, 6, 7, 8, 9, 10]),
        (12, [6, 10]),
    ],
)
def test_progress_is_told_after_each_chunk_of_a_length_that_divides_the_stage(
    report_every, steps
):
    told = advance(begin(), report_every)
    assert [progress.steps for progress in told] == steps
    assert [progress.stage for progress in told] == [int(n > 6) for n in steps]


def test_the_trace_grows_with_the_steps_and_codes_are_told_as_w_plus(undisturbed):
    for progress in undisturbed:
        assert set(progress.trace) == {"total", "distance", "bumps"}
        for values in progress.trace.values():
            assert isinstance(values, np.ndarray)
            chex.assert_shape(values, (progress.steps, 2))
            assert_array_equal(values.dtype, np.float32)
    last = undisturbed[-1].trace
    for progress in undisturbed:
        chex.assert_trees_all_equal(
            progress.trace, {k: v[: progress.steps] for k, v in last.items()}
        )
    assert_allclose(last["total"], last["distance"] + last["bumps"], rtol=1e-5)
    assert (last["total"][-1] < last["total"][0]).all()

    for progress in undisturbed:
        w_plus = schedule.to_w_plus(STAGES, progress)
        chex.assert_shape(w_plus, (2, 3, 512))
        latent = progress.state.latent
        latent = latent[:, None] if progress.stage == 0 else latent
        assert_array_equal(w_plus, jnp.broadcast_to(latent, w_plus.shape))
    first = next(p for p in reversed(undisturbed) if p.stage == 0)
    w_plus = schedule.to_w_plus(STAGES, first)
    total = jax.vmap(ENERGY.value, in_axes=(None, 0, 0, None))(
        1.0, random_codes(1), w_plus, None
    )
    assert_allclose(undisturbed[-1].trace["total"][first.steps], total[0], rtol=1e-5)


@pytest.mark.parametrize("index", range(5))
def test_taken_up_anywhere_it_ends_bit_for_bit_the_same(undisturbed, index):
    told = advance(undisturbed[index])
    assert len(told) == len(undisturbed) - index - 1
    chex.assert_trees_all_equal(told, undisturbed[index + 1 :])


@pytest.mark.parametrize("index", range(5))
def test_the_record_is_enough_to_describe_a_saved_progress(undisturbed, index):
    progress = undisturbed[index]
    record = json.loads(json.dumps(schedule.resume_record(progress)))
    template = schedule.resume_template(ENERGY, STAGES, random_codes(), record, None)
    assert template.stage == progress.stage
    chex.assert_trees_all_equal_structs(template, progress)
    chex.assert_trees_all_equal_shapes_and_dtypes(template, progress)


def falling(below):
    """The sum of a latent's first numbers, which is not a number below a depth."""

    def value(params, reference, w_plus, person):
        depth = w_plus[0, 0]
        total = jnp.where(depth < below, jnp.nan, depth)
        return total, {"depth": total}

    return Energy(prepare=lambda params, portrait: portrait, value=value)


@pytest.mark.parametrize(("below", "step"), [(-2.5, 3), (-6.5, 7), (-7.5, 8)])
def test_divergence_is_told_with_its_step_over_all_stages(below, step):
    # Adam falls by one unit in each step; the energy is taken before the step.
    stages = tuple(
        builders.toy_stage("w_plus", n, step_size=1.0, schedule="exponential")
        for n in (6, 4)
    )
    energy = falling(below)
    start = schedule.begin(energy, stages, jnp.zeros((2, 3, 512)), KEYS, None)
    told = []
    with pytest.raises(schedule.Diverged, match=rf"not finite in step {step}$"):
        for progress in schedule.advance(
            energy, stages, 1.0, random_codes(1), start, 2
        ):
            told.append(progress.steps)
    assert told == list(range(2, step + 1, 2))
    assert issubclass(schedule.Diverged, ArithmeticError)


def test_what_stands_is_of_the_last_step_or_of_the_stages_best(undisturbed):
    last = undisturbed[-1]
    for name, values in schedule.standing(STAGES, last).items():
        assert_array_equal(values, last.trace[name][-1])
    # Had the second stage compared, portraits would stand at their own least energy.
    comparing = (STAGES[0], STAGES[1]._replace(keeps_best=True))
    total = np.arange(20, dtype=np.float32).reshape(10, 2)
    total[7, 0], total[8, 1] = -1, -2
    trace = {"total": total, "bumps": 10 * total}
    found = schedule.standing(comparing, schedule.Progress(last.state, trace, stage=1))
    assert_array_equal(found["total"], [-1, -2])
    assert_array_equal(found["bumps"], [-10, -20])
