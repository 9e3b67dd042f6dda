import warnings

import chex
import numpy as np
import pytest
from pie_jax.converters import stack

from pie_jax import assembly
from pie_jax.cli import config, runtime
from pie_jax.core.errors import PieError
from pie_jax.io import weights
from tests import builders


@pytest.fixture
def asked(monkeypatch, no_weights) -> list[str]:
    """Replaces the cache by random weights, and lists the names asked for."""
    names = []
    inits = {
        choice.weights: choice.init
        for table in assembly.PARTS.values()
        for choice in table.values()
    }

    def load(name: str):
        assert name in names  # fetched before it is read
        return builders.random_params(inits[name])

    monkeypatch.setattr(stack, "ensure", lambda *wanted, **_: names.extend(wanted))
    monkeypatch.setattr(weights, "load", load)
    return names


def test_only_the_parts_asked_for_are_fetched_and_loaded(asked):
    values = config.load("default")
    assembled, params = runtime.start(values, parts=("generator",))
    assert asked == ["mobile_stylegan_ffhq"]
    assert set(params) & set(assembly.PARTS) == {"generator"}
    assert params["generator"]["w_avg"].shape == (512,)
    assert assembled.generator.resolution == 1024


def test_everything_is_fetched_with_what_is_needed_besides(asked):
    _, params = runtime.start(config.load("default"), "landmarks68")
    assert sorted(asked) == sorted(
        ["mobile_stylegan_ffhq", "vgg16", "dlib_resnet", "landmarks68"]
    )
    assert set(params) >= set(assembly.PARTS)


def test_the_testing_configuration_needs_no_weights_and_is_always_the_same(asked):
    _, first = runtime.start(config.load("testing"))
    _, second = runtime.start(config.load("testing"))
    assert asked == []
    chex.assert_trees_all_equal(first, second)
    chex.assert_tree_all_finite(first)


def test_weights_that_do_not_fit_the_network_are_an_error(asked, monkeypatch):
    monkeypatch.setattr(weights, "load", lambda name: {"w_avg": np.zeros(512)})
    with pytest.raises(PieError, match="do not fit the network"):
        runtime.start(config.load("default"), parts=("generator",))


def test_a_damaged_entry_of_compiled_programs_is_no_warning(no_weights):
    with warnings.catch_warnings(record=True) as caught:
        runtime.start(config.load("testing"))
        # As jax words it; it compiles anew after that.
        warnings.warn(
            "Error reading persistent compilation cache entry for 'jit_run': error: "
            "Error -3 while decompressing data",
            stacklevel=1,
        )
    assert not caught
