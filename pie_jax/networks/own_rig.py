"""A portrait's own rig: what refinements of a few of its turns added to the rig's answers.

A rig knows what edits of all people have in common. What a refined edit (`editing.refine`)
adds to that is much the same for the next amount, so of a turn towards one of those that
were refined its share is added.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core.numerics import einsum, matmul

COMPONENT = "rotation"
"""The one that a hand drags, of few enough numbers."""

OwnRig = Mapping[str, Array | np.ndarray]
"""`towards` `[A, n]`, changes of the component that were refined, none of them zero, and
`added` `[A, num_ws, 512]`, by what codes differ then from the rig's answer."""


def added(own: OwnRig, change: Array) -> Array:
    """What comes to the rig's answer for a `change` `[B, n]` of the component,
    `[B, num_ws, 512]`: exactly nothing for none, and beyond those that were refined what
    came to them.

    A change that goes towards several of them has as much as it goes towards the first of
    these, shared out among them: that the person comes back is in each.
    """
    towards = jnp.asarray(own["towards"])
    share = matmul(change, towards.T) / jnp.sum(towards**2, axis=-1)
    share = jnp.clip(share, 0, 1)
    total = jnp.sum(share, axis=-1, keepdims=True)
    largest = jnp.max(share, axis=-1, keepdims=True, initial=0)
    share = share * largest / jnp.where(total == 0, 1, total)
    return einsum("ba,arn->brn", share, own["added"])
