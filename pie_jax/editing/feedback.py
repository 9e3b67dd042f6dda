"""What to ask a rig for next, when its edits were not what was asked for.

PIE (sec. 5) adds what is missing to the command. Done again and again, that is a
fixed-point iteration, and Anderson's mixing speeds it up ("Iterative procedures for
nonlinear integral equations", J. ACM 1965).
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import einsum, matmul

# Of the sum of squares of the changes: a change that others nearly make up counts less.
_DAMPING = 1e-3
# So that commands that changed nothing divide nothing by zero.
_TINY = 1e-12


def next_command(
    commands: Sequence[Array], missing: Sequence[Array], scale: Array
) -> Array:
    """The command to try next.

    The first is the paper's: the last command, and what was missing. Later ones suppose
    that what is missing goes on changing with the command as it has so far.

    Args:
        commands: `[B, n]` each, so far.
        missing: `[B, n]` each, what the edits by them lacked.
        scale: `[n]`, by which numbers of different units are compared.

    Returns:
        `[B, n]`.
    """
    plain = commands[-1] + missing[-1]
    if len(commands) == 1:
        return plain
    turned, gained = (jnp.diff(jnp.stack(x, axis=-1)) for x in (commands, missing))
    scaled = gained * scale[:, None]
    gram = einsum("...ni,...nj->...ij", scaled, scaled)
    size = jnp.trace(gram, axis1=-2, axis2=-1)[..., None, None]
    system = gram + (_DAMPING * size + _TINY) * jnp.eye(gram.shape[-1])
    left = einsum("...ni,...n->...i", scaled, scale * missing[-1])
    shares = jnp.linalg.solve(system, left[..., None])
    return plain - matmul(turned + gained, shares)[..., 0]
