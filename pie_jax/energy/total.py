"""The energy: the weighted sum of the terms (PIE, eq. 6), and its terms by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jax import Array

from pie_jax.core.interfaces import Generator
from pie_jax.energy import perceptual, pixel, prior, recognition, spread
from pie_jax.energy.term import Candidate, Networks, Portrait, Term

TERMS: dict[str, Callable[[Networks], Term]] = {
    module.__name__.rpartition(".")[2]: module.term
    for module in (pixel, perceptual, recognition, prior, spread)
}
"""Every term by the name of its file, which is also the name of its weight."""


class Energy(NamedTuple):
    """Pure functions of one portrait."""

    prepare: Callable[[Any, Portrait], dict[str, Any]]
    """`(params, portrait) -> references`, once per portrait."""
    value: Callable[[Any, dict[str, Any], Array], tuple[Array, dict[str, Array]]]
    """`(params, references, w_plus [num_ws, 512]) -> (total, unweighted terms)`."""


def energy(
    generator: Generator, networks: Networks, weights: Mapping[str, float]
) -> Energy:
    """Builds E(w) from its terms.

    Args:
        generator: the generator; its parameters are `params["generator"]`.
        networks: the networks that the terms need.
        weights: weight by name of the term. A term of weight 0 is left out entirely,
            with its network and its time.

    Raises:
        ValueError: a weight names no term, or all weights are 0.
    """
    if unknown := sorted(set(weights) - set(TERMS)):
        raise ValueError(f"unknown energy terms {unknown}; known: {sorted(TERMS)}")
    terms = {k: TERMS[k](networks) for k, weight in weights.items() if weight}
    if not terms:
        raise ValueError(f"no energy term has a weight; known: {sorted(TERMS)}")

    def prepare(params: Any, portrait: Portrait) -> dict[str, Any]:
        return {k: term.prepare(params, portrait) for k, term in terms.items()}

    def value(
        params: Any, references: dict[str, Any], w_plus: Array
    ) -> tuple[Array, dict[str, Array]]:
        image = generator.synthesis(params["generator"], w_plus[None])[0]
        candidate = Candidate(w_plus=w_plus, image=image)
        values = {
            k: term.value(params, references[k], candidate) for k, term in terms.items()
        }
        return sum(weights[k] * v for k, v in values.items()), values

    return Energy(prepare, value)
