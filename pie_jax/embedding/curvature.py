"""Coordinates in which the energy curves about equally in all directions.

How the energy curves around a code is nearly the same for all portraits. It was measured
once for a generator (`experiments.measure_curvature`), for each style input by itself,
along the principal axes of w: its foremost eigenvectors, and the mean over the others.
"""

from collections.abc import Mapping

from jax import Array

from pie_jax.core.numerics import einsum

FACTOR = 0.5
"""How much of it is assumed beforehand; the optimiser finds the rest by itself."""
FLOOR = 5.0
"""Added to all eigenvalues, of which each row's largest are 60 to 80 000: so much is
left to doubt, and to the prior."""


def rescale(curvature: Mapping[str, Array], x: Array, power: float = -0.5) -> Array:
    """Multiplies by a power of the curvature, its inverse square root as a rule.

    It is symmetric: gradients by standard deviations of w become those by these
    coordinates, and steps in these coordinates become steps in standard deviations.
    With the power 0.5 it is the other way round.

    Args:
        curvature: `directions` `[num_ws, 512, K]`, orthonormal along the principal
            axes; `roots` `[num_ws, K]` and `rest` `[num_ws]`, the square roots of the
            curvature along and across them.
        x: `[num_ws, 512]`, along the principal axes of w (`networks.latents`).
        power: of the curvature.

    Returns:
        `[num_ws, 512]`.
    """
    directions = curvature["directions"]
    rest = _eigenvalues(curvature["rest"]) ** power
    inside = einsum("rdk,rd->rk", directions, x)
    foremost = _eigenvalues(curvature["roots"]) ** power
    more = (foremost - rest[:, None]) * inside
    return rest[:, None] * x + einsum("rdk,rk->rd", directions, more)


def _eigenvalues(root: Array) -> Array:
    return FACTOR * root**2 + FLOOR
