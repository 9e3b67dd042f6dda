import json
from functools import partial
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import train_to_rgb
from experiments.trainer import HISTORY, train
from pie_jax.networks import mobile_stylegan
from tests import builders

WIDTHS = (8, 8, 8, 8)


@pytest.fixture(scope="module")
def task():
    params = builders.random_params(
        lambda key: mobile_stylegan.init_params(key, WIDTHS)
    )
    generator = mobile_stylegan.mobile_stylegan(WIDTHS)
    return train_to_rgb.head_task(generator, params, 6, 2, WIDTHS)


def test_it_begins_with_the_best_linear_picture_of_some_codes(task):
    generator = mobile_stylegan.mobile_stylegan(WIDTHS)
    compare = jax.jit(partial(train_to_rgb._compare, generator, WIDTHS))

    def missed(head):
        batches = islice(train_to_rgb.drawn(generator.num_ws, 1, 0), 24)
        pairs = [compare(head, task.given, batch) for batch in batches]
        return np.mean([jnp.mean((a - b) ** 2) for a, b in pairs])

    # Without what styles are told at the start, it is linear.
    first = {"kernel": jnp.zeros_like(task.params["first"]["kernel"])}
    start = task.params | {"first": task.params["first"] | first}
    direct = start["direct"]
    assert not jnp.any(start["image"]["kernel"])
    best = missed(start)
    for change in (0.7, 1.3):
        other = {k: change * x for k, x in direct.items()}
        assert missed(start | {"direct": other}) > best


def test_a_training_reports_and_draws(task, tmp_path):
    _, reported = train(task, tmp_path, 6, 3)
    assert [x["step"] for x in json.loads((tmp_path / HISTORY).read_text())] == [3, 6]
    assert np.isfinite(reported["psnr"])
    assert (tmp_path / "preview-000006.png").exists()


def test_batches_are_of_their_step_and_codes_lie_apart_from_row_to_row(task):
    stream = task.batches(0)
    first, second = next(stream), next(stream)
    again = next(task.batches(1))
    assert all((a == b).all() for a, b in zip(second, again, strict=True))
    assert not (first.z == second.z).all()
    spread = np.concatenate(
        [np.std(next(task.batches(i)).apart, axis=(1, 2)) for i in range(20)]
    )
    assert 0 < spread.min() < 0.1
    assert 0.4 < spread.max() <= train_to_rgb.APART * 1.05
