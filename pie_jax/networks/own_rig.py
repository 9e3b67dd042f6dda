"""A portrait's own rig: what refinements of a few of its edits added to the rig's answers.

A rig knows what edits of all people have in common. What a refined edit (`editing.refine`)
adds to that is much the same for the next amount, so of an edit towards one of those that
were refined its share is added: edits by the rig alone are then nearly as refined ones.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

OwnRig = Mapping[str, Array | np.ndarray]
"""`towards` `[A, n]`, changes of the component that were refined, and `added`
`[A, num_ws, 512]`, by what codes differ then from the rig's answer."""


def added(own: OwnRig, change: Array) -> Array:
    """What comes to the rig's answer for a `change` `[B, n]` of the component,
    `[B, num_ws, 512]`: exactly nothing for none, and beyond those that were refined what
    came to them."""
    towards = own["towards"]
    share = change @ towards.T / jnp.sum(towards**2, axis=-1)
    return jnp.einsum("ba,arn->brn", jnp.clip(share, 0, 1), own["added"])
