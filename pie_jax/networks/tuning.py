"""A generator that was tuned to one portrait.

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", ACM TOG 2022:
what no code can show, the generator learns about the code that was found.

Tuned are the kernels that join channels, of the layers up to 64 pixels. Tuned finer ones
bring little, and weave a grid into skin in the place of its texture
(docs/measurements.md). Others should stay: the affine maps of the styles, for they decide
what codes mean, and the noise maps, for what they learn is fixed in the frame, and a head
that turns would leave it behind.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.errors import PieError

Part = Mapping[str, Array | np.ndarray]
"""Some of a generator's parameters by their paths, such as "synthesis/image/kernel"."""

FINEST = 64
"""Pixels on a side of the finest layers that are tuned."""

_TUNED = ("kernel", "pointwise")
_CODES = ("mapping", "w_avg")


def part(params: Any) -> dict[str, Array]:
    """Those of a generator's parameters that are tuned.

    How fine a layer is tells its noise map, a parameter `noise` `[S, S, 1]` somewhere in
    it; layers without are not tuned. Of a generator that has no such map, somebody's own,
    all but the mapping is.
    """
    paths, _ = jax.tree_util.tree_flatten_with_path(params)
    named = {_name(path): leaf for path, leaf in paths}
    coarse = {
        _layer(k) for k, x in named.items() if k.endswith("/noise") and len(x) <= FINEST
    }
    if not coarse:
        return {k: x for k, x in named.items() if k.split("/")[0] not in _CODES}
    return {k: x for k, x in named.items() if _layer(k) in coarse and _is_kernel(k)}


def joined(params: Any, tuned: Part) -> Any:
    """The parameters, with those of `tuned` in the place of the old ones."""
    paths, tree = jax.tree_util.tree_flatten_with_path(params)
    return jax.tree.unflatten(tree, [tuned.get(_name(path), x) for path, x in paths])


def change(params: Any, tuned: Part) -> dict[str, np.ndarray]:
    """What tuning added to the parameters, as it is kept: 16 bit each.

    Args:
        params: the generator's own.
        tuned: from `part`, tuned; with any leading axes.
    """
    own = part(params)
    return {k: np.asarray(x - own[k]).astype(np.float16) for k, x in tuned.items()}


def changed(params: Any, change: Part | None) -> Any:
    """The generator's parameters with one portrait's change.

    Args:
        params: the generator's own.
        change: from `change`, without leading axes; None leaves them as they are.

    Raises:
        PieError: it is another generator's.
    """
    if change is None:
        return params
    own = part(params)
    if any(k not in own or own[k].shape != x.shape for k, x in change.items()):
        raise PieError("the code's change is of another generator's parameters")
    added = {k: own[k] + jnp.asarray(x, own[k].dtype) for k, x in change.items()}
    return joined(params, added)


def _layer(name: str) -> str:
    """The layer of the synthesis network that a parameter belongs to."""
    return "/".join(name.split("/")[:2])


def _is_kernel(name: str) -> bool:
    path = name.split("/")
    return path[-1] in _TUNED and "affine" not in path


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
