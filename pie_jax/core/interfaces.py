"""Call signatures of the networks, so that nothing above depends on a concrete one."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams


class Generator(NamedTuple):
    """A style-based generator.

    Its parameters are a mapping with `w_avg` `[512]`, the mean of the mapping network's
    output, and whatever else the functions take; those of the package's generators have
    `mapping` and `synthesis` (linen parameters).
    """

    mapping: Callable
    """`(params, z [B, 512]) -> w [B, 512]`."""
    synthesis: Callable
    """`(params, w_plus [B, num_ws, 512]) -> image [B, H, W, 3]`, RGB in [-1, 1]."""
    num_ws: int
    """Its number of style inputs, a constant nowhere else: 18 for StyleGAN 1 and 2 at 1024
    pixels, 23 for MobileStyleGAN."""
    resolution: int
    """Pixels on a side of its pictures."""
    features: Callable | None = None
    """`(params, w_plus [B, num_ws, 512]) -> [B, S, S, C]`, what it knows of each place
    when it has drawn coarse structures; None where nothing was made of that."""


class Rig(NamedTuple):
    """Edits one component of a code (PIE, sec. 3.3; StyleRig, CVPR 2020): the one map of
    the energy, of the editor and of the rig's training.

    Its parameters are a dict with `network` (linen parameters), and of the component
    over the generator's samples `mean` and `deviation`, and `low` and `high`, the range
    that it was trained on: `[n]` each, n the component's size. For one portrait there may
    be `own` beside (`networks.own_rig`).
    """

    edit: Callable
    """`(params, w_plus [B, num_ws, 512], own [B], target [B]) -> w_plus [B, num_ws, 512]`:
    from `own`, theta(w_plus) as it is seen in the picture, to `target`, as it is to be
    seen there. Of both only the component counts."""
    component: str
    """One of `core.theta.COMPONENTS`."""


Estimate = Callable[[Any, Array], FaceParams]
"""MoFA: `(params, image [B, R, R, 3] in [-1, 1]) -> theta [B]`."""

FindLandmarks = Callable[[Any, Array], Array]
"""The landmark network: `(params, image [B, R, R, 3] in [-1, 1]) -> [B, 68, 2]` in
fractions of the frame (`core.ibug`)."""

Preview = Callable[[Params, Array], Array]
"""`(params, w_plus [B, num_ws, 512]) -> image [B, S, S, 3] in [-1, 1]`: pictures of codes,
S as small as the generator has any."""
