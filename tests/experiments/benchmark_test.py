"""The benchmark of StyleGAN at small sizes; with PyTorch's networks where it is."""

import importlib.util
import json

import numpy as np
import pytest

from experiments import benchmark
from pie_jax.core.interfaces import Rig
from pie_jax.core.theta import COMPONENTS
from pie_jax.networks import mobile_stylegan, stylegan1
from tests import builders

WIDTHS1 = (5, 4, 4, 3, 4, 3)
"""To 128 pixels, where StyleGAN 1 begins to upsample by transposed convolutions."""
WIDTHS2 = (6, 5, 4, 3)


def test_our_own_times_are_given_without_pytorch(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    figures = benchmark.stylegan(1, (4, 3), (4, 3, 2))
    assert "PyTorch is not installed" in capsys.readouterr().err
    assert figures["stylegan1_resolution"] == 8
    assert figures["stylegan2_resolution"] == 16
    for name in ("stylegan1", "stylegan2"):
        assert figures[f"{name}_forward_backward_seconds"] > 0
    assert not any("ratio" in name or "torch" in name for name in figures)
    json.dumps(figures)


def test_pictures_and_gradients_are_those_of_pytorch():
    pytest.importorskip("torch")
    figures = benchmark.stylegan(1, WIDTHS1, WIDTHS2)
    for name in ("stylegan1", "stylegan2"):
        for what in ("forward", "forward_backward"):
            assert 0 <= figures[f"{name}_{what}_difference"] < 1e-4
            ratio = figures[f"{name}_{what}_seconds"]
            ratio /= figures[f"{name}_torch_{what}_seconds"]
            # Rounded to a tenth of a millisecond.
            assert figures[f"{name}_{what}_ratio"] == pytest.approx(ratio, abs=2e-3)


@pytest.mark.parametrize("error", [0.01, np.nan])
def test_a_difference_beyond_rounding_is_an_error(error):
    ours = np.array([1.0, 2.0 + error])
    with pytest.raises(ValueError, match="differs by"):
        benchmark.difference(ours, np.array([1.0, 2.0]))
    assert benchmark.difference(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0


def test_biases_and_noise_take_part():
    params = benchmark.random_params(lambda key: stylegan1.init_params(key, (4, 3)))
    layer = params["synthesis"]["block8_conv1"]["epilogue"]
    for name in ("bias", "noise", "noise_weight"):
        assert np.abs(layer[name]).max() > 0


def test_every_component_is_timed(monkeypatch):
    generator = mobile_stylegan.mobile_stylegan((4, 4))
    params = builders.random_params(
        lambda key: mobile_stylegan.init_params(key, (4, 4))
    )
    monkeypatch.setattr(benchmark.stack, "ensure", lambda name: None)
    monkeypatch.setattr(benchmark.weights, "load", lambda name: params)
    monkeypatch.setattr(benchmark.mobile_stylegan, "mobile_stylegan", lambda: generator)
    monkeypatch.setattr(
        benchmark.shipped,
        "rig",
        lambda component: (
            Rig(lambda params, w_plus, theta: 2 * w_plus, component),
            (),
        ),
    )
    figures = benchmark.edit(1)
    for component in COMPONENTS:
        assert figures[f"edit_{component}_seconds"] > 0
