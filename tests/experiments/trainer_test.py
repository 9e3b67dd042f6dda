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


def history(folder):
    return json.loads((folder / HISTORY).read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed training's parameters and figures, and its folder."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return train(task(), folder, 7, 3), folder


@pytest.mark.parametrize("last", [1, 3, 5])
def test_a_killed_training_ends_with_the_same_bits(tmp_path, whole, last):
    with pytest.raises(KeyboardInterrupt):
        train(task(killed_at(last)), tmp_path, 7, 3)
    chex.assert_trees_all_equal(train(task(killed_at(7)), tmp_path, 7, 3), whole[0])
    assert history(tmp_path) == history(whole[1])
    again = train(task(killed_at(0)), tmp_path, 7, 3)  # what is finished stays
    chex.assert_trees_all_equal(again, whole[0])


def test_each_report_has_losses_figures_and_a_picture(whole):
    (params, figures), folder = whole
    rows = history(folder)
    assert [row["step"] for row in rows] == [3, 6, 7]
    assert all({"loss", "gradient", "mean"} < row.keys() for row in rows)
    names = sorted(path.name for path in folder.glob("preview-*"))
    assert names == [f"preview-{step:06d}.png" for step in (3, 6, 7)]
    halves = np.float32(np.float16(params))  # what is exported
    assert np.any(halves != params)
    assert figures["mean"] == float(jnp.asarray(halves).mean())


def test_another_training_in_the_folder_is_refused_with_what_differs(tmp_path):
    train(task(), tmp_path, 7, 3)
    with pytest.raises(PieError) as error:
        train(task(num_steps=9, samples=30), tmp_path, 9, 3)
    assert "samples was 20, now 30; steps was 7, now 9" in str(error.value)
    assert "width" not in str(error.value)
    wider = task(width=0.75)._replace(params=jnp.zeros(6), given=jnp.arange(6.0))
    with pytest.raises(PieError, match=r"width was 0\.5, now 0\.75"):
        train(wider, tmp_path, 7, 3)


def steep(params, given, key, batch):
    """Finite itself; its gradient is not, where the batch is one."""
    return jnp.sum(jnp.sqrt(jnp.where(batch < 1, params**2 + 1, 0 * params))), {}


def overflowing(state, given, batch):
    return state.replace(params=state.params / 0, step=state.step + 1), {"loss": 0}


def with_one_at(step):
    return lambda first: (jnp.float32(i == step) for i in itertools.count(first))


def infinite(first_step):
    return itertools.chain([jnp.float32(0)], itertools.repeat(jnp.float32(np.inf)))


@pytest.mark.parametrize(
    ("ill", "healthy", "message"),
    [
        (task(infinite), task(), "not finite in step 2: gradient, loss"),
        (
            task(with_one_at(4), objective=steep),
            task(with_one_at(-1), objective=steep),
            "not finite in step 5: gradient",
        ),
        (
            task()._replace(training=task().training._replace(step=overflowing)),
            task(),
            "parameters are not finite after step 3",
        ),
    ],
)
def test_what_is_not_finite_stops_and_leaves_the_last_checkpoint(
    tmp_path, ill, healthy, message
):
    with pytest.raises(PieError, match=message):
        train(ill, tmp_path / "ill", 7, 3)
    expected = train(healthy, tmp_path / "healthy", 7, 3)
    chex.assert_trees_all_equal(train(healthy, tmp_path / "ill", 7, 3), expected)


def test_what_fails_in_a_report_costs_no_update_and_no_number_is_null(tmp_path, whole):
    def failing(params):
        raise ImportError("no cv2")

    with pytest.raises(ImportError):
        train(task()._replace(evaluate=failing), tmp_path, 7, 3)
    seen = []
    train(task(lambda first: seen.append(first) or numbers(first)), tmp_path, 7, 3)
    assert seen == [3, 6]
    assert history(tmp_path) == history(whole[1])

    nameless = task()._replace(evaluate=lambda params: {"mean": np.nan})
    _, figures = train(nameless, tmp_path / "nameless", 7, 3)
    assert figures == {"mean": None}
    assert history(tmp_path / "nameless")[-1]["mean"] is None
    assert "NaN" not in (tmp_path / "nameless" / HISTORY).read_text()
