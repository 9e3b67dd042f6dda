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


def task(batches=numbers, num_steps=7):
    return Task(
        training=training(objective, adamw(num_steps, 0.1)),
        params=jnp.zeros(4),
        given=jnp.arange(4.0),
        batches=batches,
        evaluate=lambda params: {"mean": float(params.mean())},
        preview=lambda params, path: path.write_bytes(b"a picture"),
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
    expected = train(task(), tmp_path / "undisturbed", 7, 3)
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        train(task(killed_at(last)), folder, 7, 3)
    found = train(task(killed_at(7)), folder, 7, 3)
    chex.assert_trees_all_equal(found, expected)
    histories = [
        (tmp_path / name / HISTORY).read_text() for name in ("undisturbed", "killed")
    ]
    assert histories[0] == histories[1]


def test_each_report_has_losses_figures_and_a_picture(tmp_path):
    train(task(), tmp_path, 7, 3)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [3, 6, 7]
    assert all({"loss", "mean"} < row.keys() for row in history)
    names = sorted(path.name for path in tmp_path.glob("preview-*"))
    assert names == [f"preview-{step:06d}.png" for step in (3, 6, 7)]


def test_a_finished_training_is_left_as_it_is(tmp_path):
    first = train(task(), tmp_path, 7, 3)
    again = train(task(killed_at(0)), tmp_path, 7, 3)
    chex.assert_trees_all_equal(again, first)


def test_a_checkpoint_of_another_length_is_refused(tmp_path):
    train(task(), tmp_path, 7, 3)
    with pytest.raises(PieError, match="training of 7 steps, not of 9"):
        train(task(num_steps=9), tmp_path, 9, 3)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    def infinite(first_step):
        return itertools.chain([jnp.float32(0)], itertools.repeat(jnp.float32(np.inf)))

    with pytest.raises(PieError, match="not finite in step 2"):
        train(task(infinite), tmp_path, 7, 3)
