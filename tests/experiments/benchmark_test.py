import json
from types import SimpleNamespace

from experiments import benchmark
from pie_jax.core.interfaces import Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS
from pie_jax.networks import mobile_stylegan
from pie_jax.stack.assembly import Stack
from tests import builders


def test_both_stylegans_and_every_component_are_timed():
    figures = benchmark.stylegan(1, (4, 3), (4, 3, 2))
    assert figures["stylegan1_resolution"] == 8
    assert figures["stylegan2_resolution"] == 16
    for name in ("stylegan1", "stylegan2"):
        assert figures[f"{name}_forward_backward_seconds"] > 0
    json.dumps(figures)

    network = mobile_stylegan.mobile_stylegan((4, 4))
    params = builders.random_params(
        lambda key: mobile_stylegan.init_params(key, (4, 4))
    )
    rigs = {
        component: Rig(lambda params, w_plus, own, target: 2 * w_plus, component)
        for component in COMPONENTS
    }
    functions = SimpleNamespace(generator=network, editor=SimpleNamespace(rigs=rigs))
    known = Params(generator=params, rigs=dict.fromkeys(rigs, ()))
    figures = benchmark.edits(Stack(known, functions), 1)
    assert figures.keys() == {f"edit_{component}_seconds" for component in COMPONENTS}
    assert min(figures.values()) > 0
