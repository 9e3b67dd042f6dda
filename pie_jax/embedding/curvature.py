"""Coordinates in which the energy curves about equally in all directions.

How the energy curves around a code is nearly the same for all portraits. It was measured
once for a generator (`experiments.measure_curvature`), for each style input by itself,
along the principal axes of w: its foremost eigenvectors, and the mean over the others.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

FACTOR = 0.5
"""How much of it is assumed beforehand; the optimiser finds the rest by itself."""
FLOOR = 5.0
"""Added to all eigenvalues, of which each row's largest are 60 to 80 000: so much is
left to doubt, and to the prior."""


def rescale(curvature: Mapping[str, Array], x: Array) -> Array:
    """Multiplies by the inverse square root of the curvature.

    It is symmetric: gradients by standard deviations of w become those by these
    coordinates, and steps in these coordinates become steps in standard deviations.

    Args:
        curvature: `directions` `[num_ws, 512, K]`, orthonormal along the principal
            axes; `roots` `[num_ws, K]` and `rest` `[num_ws]`, the square roots of the
            curvature along and across them.
        x: `[num_ws, 512]`, along the principal axes of w (`networks.latents`).

    Returns:
        `[num_ws, 512]`.
    """
    directions = curvature["directions"]
    rest = _factor(curvature["rest"])
    inside = jnp.einsum("rdk,rd->rk", directions, x)
    more = (_factor(curvature["roots"]) - rest[:, None]) * inside
    return rest[:, None] * x + jnp.einsum("rdk,rk->rd", directions, more)


def _factor(root: Array) -> Array:
    return (FACTOR * root**2 + FLOOR) ** -0.5
