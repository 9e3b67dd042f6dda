"""A style-based generator: a mapping network followed by a synthesis network."""

import functools
import operator
from collections.abc import Mapping as Tree
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.interfaces import Generator


class Modules(NamedTuple):
    """The two networks of a generator.

    Attributes:
        mapping: `z` `[B, 512]` to `w` `[B, 512]`.
        synthesis: `w_plus` `[B, num_ws, 512]` to an image `[B, R, R, 3]`.
        num_ws: number of style inputs.
        resolution: R, in pixels.
    """

    mapping: nn.Module
    synthesis: nn.Module
    num_ws: int
    resolution: int


def generator(modules: Modules) -> Generator:
    """The two networks as pure functions of the parameters."""
    mapping, synthesis, num_ws, resolution = modules
    return Generator(
        mapping=lambda params, z: mapping.apply({"params": params["mapping"]}, z),
        synthesis=lambda params, w_plus: synthesis.apply(
            {"params": params["synthesis"]}, w_plus
        ),
        num_ws=num_ws,
        resolution=resolution,
    )


def init_params(key: Array, modules: Modules) -> dict:
    """Draws random parameters in the layout that `generator(modules)` takes: `mapping`
    and `synthesis`, linen parameters; `w_avg` `[512]`, zeros."""
    key_mapping, key_synthesis = jax.random.split(key)
    z, w_plus = jnp.zeros((1, 512)), jnp.zeros((1, modules.num_ws, 512))
    return {
        "mapping": modules.mapping.init(key_mapping, z)["params"],
        "synthesis": modules.synthesis.init(key_synthesis, w_plus)["params"],
        "w_avg": jnp.zeros(512),
    }


def sizes(params: Tree, *bias: str) -> tuple[tuple[int, ...], int]:
    """How large a network is whose layers are named as those of StyleGAN 1 and 2: the
    channels at 4, 8, ... pixels, and the number of layers of the mapping.

    `params` are as `init_params` gives them, or their shapes; `bias` is the path of a
    layer's bias in the layer.

    Raises:
        KeyError: a layer has no such bias, so the parameters are another network's.
    """
    widths, resolution = [], 4
    while layer := params["synthesis"].get(f"block{resolution}_conv1"):
        found = functools.reduce(operator.getitem, bias, layer)
        widths.append(found.shape[0])
        resolution *= 2
    return tuple(widths), len(params["mapping"])
