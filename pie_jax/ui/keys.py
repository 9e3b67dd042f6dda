"""The keys. Those of the arrows are the picture's (`picture.ARROWS`), so that sliders
and lists keep theirs; letters are the page's, but where somebody types."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from pie_jax.ui.desk import Desk
from pie_jax.ui.limits import within
from pie_jax.workflows import requests

HELP = {
    "Arrow keys": "turn the head by 2 degrees, where the picture has the focus (Tab); "
    "with Shift by half a degree",
    ", .": "tilt the head",
    "[ ]": "choose a coefficient of the expression or the light",
    "- =": "less or more of it",
    "m": "expression or light (spherical harmonics)",
    "z, Ctrl+Z": "undo",
    "y, Ctrl+Y": "redo",
    "r": "all as it was",
    "c": "before, or after",
    "w": "the face model's mesh",
    "g": "the photograph's background, or the generator's",
    "f": "refine, or the rigs alone",
    "s": "save the picture",
    "?": "this list",
}
_STEP = {"beta": 0.2, "sh": 0.05}
_TILT = 2.0


@dataclasses.dataclass
class Chosen:
    """The coefficient that the keys change.

    Attributes:
        kind: in `requests.RAW`.
        number: which.
    """

    kind: str = "beta"
    number: int = 0

    @property
    def name(self) -> str:
        """As requests call it."""
        return f"{self.kind}{self.number}"

    def next(self, step: int) -> None:
        """Chooses another one of the kind."""
        self.number = (self.number + step) % len(requests.coefficients(self.kind))

    def other_kind(self) -> None:
        """Chooses the other kind's first."""
        self.kind = "sh" if self.kind == "beta" else "beta"
        self.number = 0


def listen(desk: Desk, actions: Mapping[str, Callable[[], Any]]) -> None:
    """Listens to keys. What changes an amount goes on while it is held, and is a step when
    it is let go.

    Args:
        desk: what they change.
        actions: what the keys "c", "w", "g", "f", "s" and "?" do.
    """
    chosen = Chosen()

    def told() -> None:
        name = "expression" if chosen.kind == "beta" else "light"
        value = desk.value(chosen.name)
        desk.tell("news", f"{name} {chosen.number}: {value:.2f}")

    def choose(change: Callable[[], None]) -> None:
        change()
        told()

    def coefficient(sign: int) -> None:
        move(desk, chosen.name, sign * _STEP[chosen.kind])
        told()

    held: dict[str, Callable[[], Any]] = {
        ",": lambda: move(desk, "roll", _TILT),
        ".": lambda: move(desk, "roll", -_TILT),
        "-": lambda: coefficient(-1),
        "=": lambda: coefficient(1),
        "+": lambda: coefficient(1),
    }
    once: dict[str, Callable[[], Any]] = {
        "[": lambda: choose(lambda: chosen.next(-1)),
        "]": lambda: choose(lambda: chosen.next(1)),
        "m": lambda: choose(chosen.other_kind),
        "z": lambda: desk.go(desk.history.undo()),
        "y": lambda: desk.go(desk.history.redo()),
        "r": lambda: desk.ask(requests.Request()),
        **actions,
    }

    def pressed(event: Any) -> Any:
        key, with_ = str(event.key), event.modifiers
        if with_.alt or with_.meta or (with_.ctrl and key.lower() not in "zy"):
            return None
        if desk.opened is None and key != "?":
            return None
        if key in held:
            return held[key]() if event.action.keydown else desk.rest()
        if not event.action.keydown or event.action.repeat:
            return None
        if key == "Z" and with_.ctrl:
            key = "y"
        return once[key]() if key in once else None  # NiceGUI awaits what is to be

    # Buttons take Enter and the space bar only.
    ui.keyboard(on_key=pressed, ignore=["input", "select", "textarea"])


def move(desk: Desk, name: str, step: float) -> None:
    """Changes an amount, within what a hand may ask for."""
    desk.move(**{name: within(name, desk.value(name) + step)})


def show() -> None:
    """A dialog with all of them."""
    with ui.dialog() as dialog, ui.card():
        ui.label("Keys").classes("text-lg")
        for keys, what in HELP.items():
            with ui.row().classes("no-wrap gap-4"):
                ui.label(keys).classes("w-28 font-mono text-sm")
                ui.label(what).classes("text-sm")
        ui.button("Close", on_click=dialog.close)
    dialog.open()
