"""Edits along a fixed direction of the latent space, as InterFaceGAN's.

Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", CVPR
2020: an attribute's boundary is a hyperplane through the origin of W, and moving along
its unit normal changes that attribute. A normal holds for the generator that it was
found for only, and for codes before truncation.
"""

import chex
import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import matmul


def distance(code: Array, direction: Array) -> Array:
    """Signed distance `[...]` of codes `[..., 512]` to the boundary with the unit
    normal `direction`."""
    return matmul(code, direction)


def move(code: Array, direction: Array, amount: Array | float) -> Array:
    """Moves codes along a direction; the form for W+.

    Args:
        code: `[..., 512]`, in W, or `[..., num_ws, 512]`.
        direction: `[512]`, a unit vector.
        amount: `[...]`, how far; one number for each code, or one for each style input,
            so that a truncated generator's rows can move by their share only.

    Returns:
        As `code`.
    """
    chex.assert_shape(direction, (code.shape[-1],))
    return code + jnp.asarray(amount)[..., None] * direction


def move_to(code: Array, direction: Array, target: Array | float) -> Array:
    """Moves codes `[..., 512]` to a signed distance `[...]` from the boundary; the form
    for W. The reference shows -3 to 3."""
    return move(code, direction, target - distance(code, direction))


def conditioned(direction: Array, *others: Array) -> Array:
    """What is left of a direction that leaves other attributes alone.

    Args:
        direction: `[512]`, a unit vector.
        others: `[512]` each, linearly independent.

    Returns:
        `[512]`, the unit vector at right angles to all others that is nearest to the
        direction; not finite where the direction is a mixture of the others.
    """
    basis, _ = jnp.linalg.qr(jnp.stack(others, axis=-1))
    rest = direction - matmul(basis, matmul(basis.T, direction))
    return rest / jnp.linalg.norm(rest)
