"""What a person asks of `pie edit`, from words to targets."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import jax.numpy as jnp
from jax import Array

from pie_jax.core.errors import PieError
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams
from pie_jax.editing import targets
from pie_jax.editing.targets import Amount
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable

ANGLES = ("yaw", "pitch", "roll")
LIGHT = ("azimuth", "elevation", "strength", "intensity")
NEUTRAL = "neutral"
RAW = {"beta": "expression", "sh": "illumination"}
"""The paper's coefficients, which have no names: by number, as "beta0" or "sh26"."""

_FOR_POSE = ("yaw", "pitch")
MAX_SWEEP = 100
_LONGEST = 100
"""Characters of a folder's name, before what tells it from others as long."""


@dataclasses.dataclass(frozen=True)
class Request:
    """One edit.

    Attributes:
        amounts: of what is to change, by name: `ANGLES`, `LIGHT`, names of expressions,
            and numbered coefficients (`RAW`).
        neutral: whether expressions are added to a neutral face, not to the own one.
        colour: of the light, RGB in [0, 1].
        photos: from which photograph a component comes.
    """

    amounts: Mapping[str, Amount] = dataclasses.field(default_factory=dict)
    neutral: bool = False
    colour: tuple[float, float, float] | None = None
    photos: Mapping[str, Path] = dataclasses.field(default_factory=dict)

    def components(self) -> tuple[str, ...]:
        """Those that rigs must edit, in the order of `COMPONENTS`."""
        named = {component_of(name) for name in self.amounts} | {*self.photos}
        named |= {"expression"} if self.neutral else set()
        named |= {"illumination"} if self.colour is not None else set()
        return tuple(component for component in COMPONENTS if component in named)

    def changed(self, name: str, amount: Amount) -> "Request":
        """The request with another amount of something."""
        return dataclasses.replace(self, amounts={**self.amounts, name: amount})


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Several edits that differ in one amount."""

    name: str
    amounts: tuple[Amount, ...]


def component_of(name: str) -> str | None:
    """The component that an amount belongs to; None for the roll, which is no rig's."""
    if name == "roll":
        return None
    if name in _FOR_POSE:
        return "rotation"
    if numbered := _numbered(name):
        return RAW[numbered[0]]
    return "illumination" if name in LIGHT else "expression"


def request(
    angles: Mapping[str, str | None],
    expression: str | None,
    light: str | None,
    photos: Mapping[str, Path | None],
    raw: Mapping[str, str | None] | None = None,
) -> Request:
    """Reads what the options say.

    Args:
        angles: texts by name of an angle.
        expression: "smile=0.7,jawOpen+=0.2", or "neutral,smile=0.3".
        light: "azimuth=40,elevation=20,strength=0.2,intensity=1.1,colour=#ffd9b0".
        photos: by component.
        raw: "7=0.5,12+=1" by name in `RAW`.

    Raises:
        PieError: it cannot be read; the message shows how it is written.
    """
    amounts = {k: _amount(f"--{k}", text) for k, text in angles.items() if text}
    neutral, colour = False, None
    for word in _words(expression):
        if word == NEUTRAL:
            neutral = True
        else:
            name, amount = _named_amount("--expression", word)
            amounts[name] = amount
    for word in _words(light):
        if word.startswith(("colour=", "color=")):
            colour = _colour(word)
            continue
        name, amount = _named_amount("--light", word)
        if name not in LIGHT:
            raise PieError(
                f"--light: {name!r} is none of {', '.join(LIGHT)}, colour; for example "
                "--light azimuth=40,elevation=20"
            )
        amounts[name] = amount
    if clash := {*amounts} & {*ANGLES, *LIGHT} & {*_names(expression)}:
        raise PieError(f"--expression: {', '.join(clash)} is no expression")
    for kind, text in (raw or {}).items():
        for word in _words(text):
            number, amount = _named_amount(f"--{kind}", word)
            if f"{kind}{number}" not in coefficients(kind):
                size = SIZES[RAW[kind]]
                raise PieError(
                    f"--{kind}: {number!r} is no number of a coefficient, 0 to {size - 1}"
                )
            amounts[f"{kind}{number}"] = amount
    given = {k: photo for k, photo in photos.items() if photo}
    return Request(amounts, neutral, colour, given)


def coefficients(kind: str) -> tuple[str, ...]:
    """The names of all coefficients of a kind in `RAW`."""
    return tuple(f"{kind}{i}" for i in range(SIZES[RAW[kind]]))


def _numbered(name: str) -> tuple[str, int] | None:
    """Kind and number of "beta7"; None for what is no such coefficient."""
    for kind in RAW:
        if name in coefficients(kind):
            return kind, int(name.removeprefix(kind))
    return None


def sweep(text: str) -> Sweep:
    """Reads "yaw=-30:30:7": name, first, last, how many.

    Raises:
        PieError: it is written otherwise.
    """
    match = re.fullmatch(r"(\w+)(\+?=)([^:]+):([^:]+):(\d+)", text)
    if not match:
        raise PieError(
            f"--sweep {text!r}: write NAME=FIRST:LAST:COUNT, for example yaw=-30:30:7 "
            "or smile=0:1:5"
        )
    name, sign, first, last, count = match.groups()
    low, high = (_number("--sweep", x) for x in (first, last))
    if not 2 <= int(count) <= MAX_SWEEP:
        raise PieError(f"--sweep {text!r}: a sweep has 2 to {MAX_SWEEP} pictures")
    step = (high - low) / (int(count) - 1)
    values = (round(low + i * step, 6) for i in range(int(count)))
    return Sweep(name, tuple(Amount(value, added=sign == "+=") for value in values))


def check_names(model: Morphable, names: Mapping[str, Amount]) -> None:
    """Raises PieError where the face model does not know an expression."""
    for name in names:
        if component_of(name) == "expression" and not _numbered(name):
            try:
                morphable.units_of(model, name)
            except ValueError as error:
                raise PieError(str(error)) from error


def target(
    asked: Request,
    model: Morphable,
    own: FaceParams,
    given: Mapping[str, FaceParams],
    compiled: Callable[[Callable, bool], Callable] | None = None,
) -> FaceParams:
    """The theta that a request asks for.

    Args:
        asked: the request.
        model: the face model.
        own: the portrait's, with any batch axes.
        given: thetas of the photographs by component, without batch axes; amounts
            change what these give.
        compiled: `(function, neutral) -> function`, compiles what is to be computed.
    """
    theta = own
    for component, source in given.items():
        spread = getattr(source, component) + 0 * getattr(own, component)
        theta = dataclasses.replace(theta, **{component: spread})
    parts = {name: asked.amounts.get(name) for name in (*_FOR_POSE, *LIGHT)}
    raw: dict[str, dict[int, Amount]] = {kind: {} for kind in RAW}
    named = {}
    for name, amount in asked.amounts.items():
        if found := _numbered(name):
            raw[found[0]][found[1]] = amount
        elif component_of(name) == "expression":
            named[name] = amount
    pose = {name: parts.pop(name) for name in _FOR_POSE}
    colour = None if asked.colour is None else jnp.asarray(asked.colour)
    if compiled is None:
        return _aimed(model, theta, pose, named, parts, colour, raw, asked.neutral)
    aimed = compiled(_aimed, asked.neutral)
    return aimed(model, theta, pose, named, parts, colour, raw)


def _aimed(
    model: Morphable,
    theta: FaceParams,
    pose: Mapping[str, Amount | None],
    named: Mapping[str, Amount],
    parts: Mapping[str, Amount | None],
    colour: Array | None,
    raw: Mapping[str, Mapping[int, Amount]],
    neutral: bool,
) -> FaceParams:
    """`theta` with amounts of it changed: of the pose, of expressions, of the light."""
    expression = 0 * theta.expression if neutral else theta.expression
    expression = targets.expressed(model, expression, named)
    lit = targets.lit(theta.illumination, **parts, colour=colour)
    return dataclasses.replace(
        theta,
        rotation=targets.turned(theta.rotation, **pose)
        if any(pose.values())
        else theta.rotation,
        expression=targets.numbered(expression, raw["beta"]),
        illumination=targets.numbered(lit, raw["sh"]),
    )


def described(asked: Request) -> dict[str, object]:
    """A request for a JSON file."""
    record: dict[str, object] = {k: written(x) for k, x in asked.amounts.items()}
    if asked.neutral:
        record[NEUTRAL] = True
    if asked.colour:
        record["colour"] = [round(x, 4) for x in asked.colour]
    return record | {f"{k} from": photo.name for k, photo in asked.photos.items()}


def written(amount: Amount) -> float | str:
    """An amount as it is asked for: a number, or "+=5"."""
    number = float(amount.value)
    return f"+={number:g}" if amount.added else number


def as_options(asked: Request) -> list[str]:
    """The options of `pie edit` that say a request; `request` reads them."""
    words: dict[str, list[str]] = {"expression": [], "light": [], "beta": [], "sh": []}
    options = []
    for name, amount in asked.amounts.items():
        sign, number = "+=" if amount.added else "=", f"{float(amount.value):g}"
        if name in ANGLES:
            options.append(f"--{name}={'+=' if amount.added else ''}{number}")
        elif numbered := _numbered(name):
            words[numbered[0]].append(f"{numbered[1]}{sign}{number}")
        else:
            kind = "light" if name in LIGHT else "expression"
            words[kind].append(f"{name}{sign}{number}")
    words["expression"] = [NEUTRAL] * asked.neutral + words["expression"]
    if asked.colour:
        words["light"].append(f"colour={hexadecimal(asked.colour)}")
    options += [f"--{kind}={','.join(each)}" for kind, each in words.items() if each]
    kinds = {"rotation": "pose", "expression": "expression", "illumination": "light"}
    return options + [f"--{kinds[k]}-from={x}" for k, x in asked.photos.items()]


def hexadecimal(colour: tuple[float, float, float]) -> str:
    """A colour `[3]` in [0, 1] as #rrggbb."""
    return "#" + "".join(f"{round(255 * x):02x}" for x in colour)


def label(asked: Request, swept: Sweep | None) -> str:
    """A name for the folder of an edit: "yaw20_smile0.7"."""
    parts = [f"{k}{written(x)}".replace("=", "") for k, x in asked.amounts.items()]
    parts = [re.sub(r"\.0$", "", part) for part in parts]
    parts += [NEUTRAL] if asked.neutral else []
    if asked.colour:
        parts.append("colour" + hexadecimal(asked.colour).removeprefix("#"))
    parts += [f"{k}-from-{photo.stem}" for k, photo in asked.photos.items()]
    if swept:
        first, last = (float(swept.amounts[i].value) for i in (0, -1))
        parts.append(f"sweep-{swept.name}{first:g}to{last:g}x{len(swept.amounts)}")
    found = "_".join(parts)
    if len(found) <= _LONGEST:
        return found
    digest = hashlib.sha256(found.encode()).hexdigest()[:10]
    return f"{found[:_LONGEST]}-{digest}"


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _names(text: str | None) -> list[str]:
    return [re.split(r"\+?=", word)[0] for word in _words(text)]


def _named_amount(option: str, word: str) -> tuple[str, Amount]:
    match = re.fullmatch(r"(\w+)(\+?=.+)", word)
    if not match:
        raise PieError(
            f"{option}: {word!r} is not NAME=NUMBER or NAME+=NUMBER (comma between "
            "several)"
        )
    name, amount = match.groups()
    return name, _amount(f"{option} {name}", amount.removeprefix("="))


def _amount(option: str, text: str) -> Amount:
    """ "20" is that value; "+=10" and "+=-10" are added to what is there."""
    added = text.startswith("+=")
    return Amount(_number(option, text.removeprefix("+=")), added=added)


def _number(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e6:
        raise PieError(
            f"{option}: {text!r} is no number; write 20 for that value, or +=20 or "
            "+=-20 to add to what is there"
        )
    return value


def _colour(word: str) -> tuple[float, float, float]:
    text = word.partition("=")[2]
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text) or int(text[1:], 16) == 0:
        raise PieError(
            f"--light: the colour {text!r} is not written as #RRGGBB, for example "
            "colour=#ffd9b0, or is black"
        )
    red, green, blue = bytes.fromhex(text[1:])
    return red / 255, green / 255, blue / 255
