"""The loop around a training: killed and resumed, it ends with the same bits."""

import itertools
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.trainer import HISTORY, Task, train
from pie_jax.core.errors import PieError
from pie_jax.training.update import adamw, training


def objective(params, given, key, batch):
    noise = 0.1 * jax.random.normal(key, params.shape)
    loss = jnp.mean((params - given - batch + noise) ** 2)
    return loss, {"loss": loss}


def numbers(first_step):
    for step in itertools.count(first_step):
        yield jnp.float32(np.sin(step))


def task(batches=numbers, num_steps=7, objective=objective, **identity):
    return Task(
        training=training(objective, adamw(num_steps, 0.1)),
        params=jnp.zeros(4),
        given=jnp.arange(4.0),
        batches=batches,
        evaluate=lambda params: {"mean": float(params.mean())},
        preview=lambda params, path: path.write_bytes(b"a picture"),
        identity={"samples": 20, "width": 0.5} | identity,
    )


def killed_at(last):
    def batches(first_step):
        for step, batch in zip(itertools.count(first_step), numbers(first_step)):
            if step == last:
                raise KeyboardInterrupt
            yield batch

    return batches


@pytest.mark.parametrize("last", [1, 3, 5])
def test_a_killed_training_ends_with_the_same_bits(tmp_path, last):
    expected, _ = train(task(), tmp_path / "undisturbed", 7, 3)
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        train(task(killed_at(last)), folder, 7, 3)
    found, _ = train(task(killed_at(7)), folder, 7, 3)
    chex.assert_trees_all_equal(found, expected)
    histories = [
        (tmp_path / name / HISTORY).read_text() for name in ("undisturbed", "killed")
    ]
    assert histories[0] == histories[1]


def test_each_report_has_losses_figures_and_a_picture(tmp_path):
    train(task(), tmp_path, 7, 3)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [3, 6, 7]
    assert all({"loss", "gradient", "mean"} < row.keys() for row in history)
    names = sorted(path.name for path in tmp_path.glob("preview-*"))
    assert names == [f"preview-{step:06d}.png" for step in (3, 6, 7)]


def test_a_finished_training_is_left_as_it_is(tmp_path):
    first = train(task(), tmp_path, 7, 3)
    again = train(task(killed_at(0)), tmp_path, 7, 3)  # the figures, too
    chex.assert_trees_all_equal(again, first)


def test_another_training_in_the_folder_is_refused_with_what_differs(tmp_path):
    train(task(), tmp_path, 7, 3)
    with pytest.raises(PieError) as error:
        train(task(num_steps=9, samples=30), tmp_path, 9, 3)
    assert "samples was 20, now 30; steps was 7, now 9" in str(error.value)
    assert "width" not in str(error.value)


def test_a_network_of_another_size_is_no_damage(tmp_path):
    train(task(), tmp_path, 7, 3)
    wider = task(width=0.75)._replace(params=jnp.zeros(6), given=jnp.arange(6.0))
    with pytest.raises(PieError, match=r"width was 0\.5, now 0\.75"):
        train(wider, tmp_path, 7, 3)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    def infinite(first_step):
        return itertools.chain([jnp.float32(0)], itertools.repeat(jnp.float32(np.inf)))

    with pytest.raises(PieError, match="not finite in step 2: gradient, loss"):
        train(task(infinite), tmp_path, 7, 3)


def steep(params, given, key, batch):
    """Finite itself; its gradient is not, where the batch is one."""
    del given, key
    return jnp.sum(jnp.sqrt(jnp.where(batch < 1, params**2 + 1, 0 * params))), {}


def test_a_gradient_that_is_not_finite_leaves_the_last_checkpoint(tmp_path):
    def batches(first_step):
        return (jnp.float32(step == 4) for step in itertools.count(first_step))

    healthy = task(lambda first: itertools.repeat(jnp.float32(0)), objective=steep)
    expected, _ = train(healthy, tmp_path / "healthy", 7, 3)
    with pytest.raises(PieError, match="not finite in step 5: gradient"):
        train(task(batches, objective=steep), tmp_path / "ill", 7, 3)
    found, _ = train(healthy, tmp_path / "ill", 7, 3)
    chex.assert_trees_all_equal(found, expected)


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    def overflowing(state, given, batch):
        return state.replace(params=state.params / 0, step=state.step + 1), {"loss": 0}

    ill = task()._replace(training=task().training._replace(step=overflowing))
    with pytest.raises(PieError, match="parameters are not finite after step 3"):
        train(ill, tmp_path, 7, 3)
    expected, _ = train(task(), tmp_path / "anew", 7, 3)
    found, _ = train(task(), tmp_path, 7, 3)
    chex.assert_trees_all_equal(found, expected)


def test_what_fails_in_a_report_costs_no_update(tmp_path):
    def failing(params):
        raise ImportError("no cv2")

    with pytest.raises(ImportError):
        train(task()._replace(evaluate=failing), tmp_path, 7, 3)
    seen = []

    def batches(first_step):
        seen.append(first_step)
        return numbers(first_step)

    train(task(batches), tmp_path, 7, 3)
    assert seen == [3, 6]
    expected = tmp_path / "undisturbed"
    train(task(), expected, 7, 3)
    assert (tmp_path / HISTORY).read_text() == (expected / HISTORY).read_text()


def test_a_figure_that_is_no_number_is_null(tmp_path):
    nameless = task()._replace(evaluate=lambda params: {"mean": np.nan})
    _, figures = train(nameless, tmp_path, 7, 3)
    assert figures == {"mean": None}
    text = (tmp_path / HISTORY).read_text()
    assert "NaN" not in text and json.loads(text)[-1]["mean"] is None


def test_figures_are_of_the_parameters_that_are_exported(tmp_path):
    params, figures = train(task(), tmp_path, 7, 3)
    halves = np.float32(np.float16(params))
    assert np.any(halves != params)
    assert figures["mean"] == float(jnp.asarray(halves).mean())
