"""The link of a stage's optax chain that draws v, a fresh one in each iteration (PIE,
sec. 4.2).

It leaves updates as they are. The key of the next iteration's v is its state, so it is
checkpointed, resumed and mapped over portraits with the rest of the optimiser's state,
and goes on from stage to stage.
"""

import zlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array


class SamplingState(NamedTuple):
    """Key data, `[2]` uint32 each, which checkpoints can hold.

    Attributes:
        sampling_key: where all later ones come from.
        v_key: of the next iteration's v.
    """

    sampling_key: Array
    v_key: Array


def sample_v() -> optax.GradientTransformation:
    """The link. Its state is of no use before `seed`."""

    def init(latent: Array) -> SamplingState:
        del latent
        return SamplingState(*jnp.zeros((2, 2), jnp.uint32))

    def update(
        updates: Array, state: SamplingState, params: Any = None
    ) -> tuple[Array, SamplingState]:
        del params
        return updates, _next(state.sampling_key)

    return optax.GradientTransformation(init, update)


def seed(opt_state: Any, key: Array) -> Any:
    """The state of a chain, to draw from a key on; as it is, if the chain draws none.

    Args:
        opt_state: of one portrait.
        key: key data `[2]`.
    """
    return _set(opt_state, _next(key))


def carry(opt_state: Any, earlier: Any) -> Any:
    """The state of a stage's chain, to go on drawing where an earlier stage's stands."""
    found = _get(earlier)
    return opt_state if found is None else _set(opt_state, found)


def v_key(opt_state: Any) -> Array | None:
    """The key data `[..., 2]` of the next iteration's v; None if the chain draws none."""
    found = _get(opt_state)
    return None if found is None else found.v_key


def keys(number: int, images: Array, *, shared: bool) -> Array:
    """What `seed` takes, of each portrait: one's v do not depend on the batch.

    Args:
        number: the configuration's seed.
        images: `[B, R, R, 3]`, the portraits.
        shared: whether all draw the same v; else what each draws depends on its image.

    Returns:
        Key data `[B, 2]`.
    """
    key = jax.random.key(number)
    each = [key] * len(images)
    if not shared:
        each = [
            jax.random.fold_in(key, zlib.crc32(np.asarray(x).tobytes())) for x in images
        ]
    return jnp.stack([jax.random.key_data(x) for x in each])


def _next(key: Array) -> SamplingState:
    return SamplingState(
        *jax.random.key_data(jax.random.split(jax.random.wrap_key_data(key)))
    )


def _get(opt_state: Any) -> SamplingState | None:
    found = [optax.tree_utils.tree_get(opt_state, x) for x in SamplingState._fields]
    return None if found[0] is None else SamplingState(*found)


def _set(opt_state: Any, state: SamplingState) -> Any:
    if _get(opt_state) is None:
        return opt_state
    return optax.tree_utils.tree_set(opt_state, **state._asdict())
