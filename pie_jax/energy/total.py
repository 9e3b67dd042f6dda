"""The energy: the weighted sum of the terms (PIE, eq. 6), and its terms by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from jax import Array

from pie_jax.core.interfaces import Generator, Preview
from pie_jax.core.params import Params
from pie_jax.core.theta import FaceParams
from pie_jax.energy import (
    edit_landmark,
    edit_photometric,
    invariance_landmark,
    invariance_photometric,
    likeness,
    locality,
    people,
    perceptual,
    pixel,
    prior,
    recognition,
    recognition_edited,
    rig_identity,
    spread,
)
from pie_jax.energy.term import (
    Candidate,
    EditedCandidate,
    Networks,
    Person,
    Target,
    Term,
    needed,
    theta_of,
)

_MODULES = (
    pixel,
    perceptual,
    rig_identity,
    edit_photometric,
    edit_landmark,
    invariance_photometric,
    invariance_landmark,
    recognition,
    recognition_edited,
    prior,
    spread,
    locality,
)

TERMS: dict[str, Callable[[Networks], Term]] = {
    module.__name__.rpartition(".")[2]: module.term for module in _MODULES
}
"""Every term by the name of its file, which is also the name of its weight."""

_NEEDS: dict[str, tuple[str, ...]] = {
    name: getattr(module, "NEEDS", ())
    for name, module in zip(TERMS, _MODULES, strict=True)
}


_OF_A_PERSON = frozenset({"edited", "person_image"})
"""What a v is drawn for."""


class Energy(NamedTuple):
    """Pure functions of one portrait."""

    prepare: Callable[[Params, Target], dict[str, Any]]
    """`(params, portrait) -> references`, once per portrait."""
    value: Callable[
        [Params, dict[str, Any], Array, Person | None], tuple[Array, dict[str, Array]]
    ]
    """`(params, references, w_plus [num_ws, 512], v) -> (total, unweighted terms)`; v is
    the iteration's, None where no term needs one (`draws`)."""


def needs(weights: Mapping[str, float]) -> frozenset[str]:
    """What the terms with a weight look at besides the code and its image: some of
    `theta`, `edited` and `person_image`, fields of `Candidate`."""
    return frozenset(
        x for k, weight in weights.items() if weight for x in _NEEDS.get(k, ())
    )


def draws(weights: Mapping[str, float]) -> bool:
    """Whether a term with a weight needs a v."""
    return bool(needs(weights) & _OF_A_PERSON)


def energy(
    generator: Generator,
    networks: Networks,
    weights: Mapping[str, float],
    preview: Preview | None = None,
) -> Energy:
    """Builds E(w) from its terms.

    Args:
        generator: the generator; its parameters are `params.generator`.
        networks: the networks that the terms need.
        weights: weight by name of the term. A term of weight 0 is left out entirely,
            with its network and its time.
        preview: draws the edited code, and v; without it the generator does.

    Raises:
        ValueError: a weight names no term, all weights are 0, or a network that a term
            needs is left out.
    """
    if unknown := sorted(set(weights) - set(TERMS)):
        raise ValueError(f"unknown energy terms {unknown}; known: {sorted(TERMS)}")
    terms = {k: TERMS[k](networks) for k, weight in weights.items() if weight}
    if not terms:
        raise ValueError(f"no energy term has a weight; known: {sorted(TERMS)}")
    look = _look(generator, networks, weights, preview)

    def prepare(params: Params, portrait: Target) -> dict[str, Any]:
        return {k: term.prepare(params, portrait) for k, term in terms.items()}

    def value(
        params: Params, references: dict[str, Any], w_plus: Array, person: Person | None
    ) -> tuple[Array, dict[str, Array]]:
        candidate = look(params, w_plus, person)
        values = {
            k: term.value(params, references[k], candidate) for k, term in terms.items()
        }
        return sum(weights[k] * v for k, v in values.items()), values

    return Energy(prepare, value)


def _look(
    generator: Generator,
    networks: Networks,
    weights: Mapping[str, float],
    preview: Preview | None,
) -> Callable[[Params, Array, Person | None], Candidate]:
    """Builds what the terms share: each thing once, and none that no term needs."""
    wanted = needs(weights)

    def synthesis(params: Params, w_plus: Array) -> Array:
        return generator.synthesis(params.generator, w_plus)

    small = preview or synthesis

    if not wanted:
        return lambda params, w_plus, person: Candidate(
            w_plus, synthesis(params, w_plus[None])[0]
        )

    def asking(what: frozenset[str]) -> str:
        return next(k for k in weights if needs({k: weights[k]}) & what)

    estimate = needed(networks.estimate, "mofa", asking(wanted))
    edits = wanted & {"edited"}
    edited = _editing(networks, small, asking(edits)) if edits else None

    def look(params: Params, w_plus: Array, person: Person | None) -> Candidate:
        image = synthesis(params, w_plus[None])[0]
        seen: dict[str, Any] = {}
        if "theta" in wanted:
            seen["theta"] = theta_of(estimate, params, image)
        if wanted & _OF_A_PERSON:
            if person is None:
                name = asking(_OF_A_PERSON)
                raise ValueError(f"config.energy.{name} is set; it needs a v")
            seen["person"] = person
            if edited is not None:
                seen["edited"] = edited(params, w_plus, seen["theta"], person)
            if "person_image" in wanted:
                again = people.drawn(generator, small, params, person.w)
                seen["person_image"] = likeness.reduced(again)
        return Candidate(w_plus, image, **seen)

    return look


def _editing(
    networks: Networks, small: Preview, asking: str
) -> Callable[[Params, Array, FaceParams, Person], EditedCandidate]:
    estimate = needed(networks.estimate, "mofa", asking)
    rig = needed(networks.rig, "rig", asking)

    def edited(
        params: Params, w_plus: Array, own: FaceParams, person: Person
    ) -> EditedCandidate:
        faces = (
            jax.tree.map(lambda x: x[None], theta) for theta in (own, person.theta)
        )
        changed = rig.edit(params.rigs[rig.component], w_plus[None], *faces)[0]
        image = small(params, changed[None])[0]
        return EditedCandidate(changed, image, theta_of(estimate, params, image))

    return edited
