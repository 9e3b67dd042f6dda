"""The bank of people: made once, in chunks, and the same whoever makes it."""

import chex
import jax
import numpy as np
import pytest

from pie_jax.cli import bank, config, runtime
from pie_jax.core.errors import PieError
from pie_jax.energy import people
from pie_jax.io import weights
from tests import builders

EDITING = ("--config.energy.edit_photometric=1e-9",)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path))
    monkeypatch.setattr(bank, "CHUNK", 3)
    return tmp_path


def start(*overrides):
    return runtime.start(config.load("testing", [*EDITING, *overrides]))


def files(folder):
    return {k: v for k, v in builders.files(folder).items() if k.startswith("bank-")}


def test_the_people_are_those_that_are_drawn_online(cache):
    _, params = start("--config.bank_size=4")
    people_made = params["bank"]
    chex.assert_shape(people_made.image, (4, 16, 16, 3))
    chex.assert_type(people_made.image, np.uint8)
    chex.assert_shape(people_made.landmarks, (4, 68, 2))
    online, online_params = start("--config.sampler=online")
    assert "bank" not in online_params
    draw = people.online(
        online.generator, online.estimate, bank.shipped.landmark_net().apply
    )
    key = jax.random.fold_in(jax.random.key(0), 2)
    expected = people.stored(jax.jit(draw)(online_params, key))
    theta = jax.tree.map(lambda leaf: leaf[2], people_made.theta)
    chex.assert_trees_all_close(theta, expected.theta, atol=1e-4)
    np.testing.assert_allclose(people_made.landmarks[2], expected.landmarks, atol=1e-4)
    apart = np.abs(people_made.image[2].astype(int) - expected.image.astype(int))
    assert apart.max() <= 1


def test_a_bank_is_made_once_and_a_larger_one_goes_on_from_it(cache, capsys):
    _, params = start("--config.bank_size=5")
    small = files(cache)
    assert len(small) == 2
    assert "6/6" in capsys.readouterr().err
    _, again = start("--config.bank_size=5")
    assert "people" not in capsys.readouterr().err
    chex.assert_trees_all_equal(params["bank"], again["bank"])
    _, larger = start("--config.bank_size=7")
    assert {k: v for k, v in files(cache).items() if k in small} == small
    chex.assert_trees_all_equal(
        jax.tree.map(lambda leaf: leaf[:5], larger["bank"]), params["bank"]
    )
    assert len(larger["bank"].image) == 7


def test_a_bank_whose_making_was_stopped_is_completed(cache, monkeypatch):
    _, whole = start()
    expected = files(cache)
    assert len(expected) == 2
    first, second = sorted(expected)
    (cache / first).write_bytes(expected[first][:100])  # damaged
    (cache / second).unlink()
    _, again = start()
    assert files(cache) == expected
    chex.assert_trees_all_equal(again["bank"], whole["bank"])


def test_chunks_that_are_done_survive_an_interruption(cache, monkeypatch):
    save = weights.save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(weights, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            start()
    kept = files(cache)
    assert len(kept) == 1
    start()
    assert kept.items() < files(cache).items()


def test_another_generator_or_mofa_has_another_bank():
    named = [
        bank._names(identity, 1)
        for identity in (["a", "b"], ["a", "c"], ["d", "b"], ["a", {"sha": "b"}])
    ]
    assert len({names[0] for names in named}) == 4


def test_a_bank_of_nobody_is_refused(cache):
    with pytest.raises(PieError, match="config.bank_size is 0"):
        start("--config.bank_size=0")


def test_no_bank_is_made_where_no_term_asks_for_it(cache):
    _, params = runtime.start(config.load("testing"))
    assert set(params) == {"generator"}
    runtime.start(config.load("testing", EDITING), parts=("generator",))
    assert not files(cache)
