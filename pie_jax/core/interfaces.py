"""Call signatures of the networks, so that nothing above depends on a concrete one."""

from collections.abc import Callable
from typing import Any, NamedTuple

Params = Any
"""A pytree of linen parameters: nested dicts of arrays."""


class Generator(NamedTuple):
    """A style-based generator.

    `num_ws` and `resolution` belong to the generator and are constants nowhere else:
    18 style inputs for StyleGAN 1 and 2 at 1024 pixels, 23 for MobileStyleGAN.

    Its parameters are a dict with `mapping` and `synthesis` (linen parameters) and
    `w_avg` `[512]`, the mean of the mapping network's output.
    """

    mapping: Callable
    """`(params, z [B, 512]) -> w [B, 512]`."""
    synthesis: Callable
    """`(params, w_plus [B, num_ws, 512]) -> image [B, H, W, 3]`, RGB in [-1, 1]."""
    num_ws: int
    resolution: int
