"""What one browser tab is at: a portrait, what is asked of it, and who shows that.

Panels say what a hand does (`move`, `rest`), and are told of every change (`listen`), for
undo and other panels change what they show.
"""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from pie_jax.core.errors import PieError, explain
from pie_jax.editing.targets import Amount
from pie_jax.face import morphable
from pie_jax.ui.drawing import Drawing, Pace, Shown, Wish
from pie_jax.ui.history import History
from pie_jax.ui.studio import Opened, Studio
from pie_jax.workflows import edit_record
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options

REFINE = 24
"""`pie edit`'s own default."""


class Desk:
    """A tab's state."""

    def __init__(self, studio: Studio, tell: Callable[[str, str], None]):
        """Begins without a portrait.

        Args:
            studio: where is drawn.
            tell: `(kind, words)`, of "problem", "progress", "news".
        """
        self.studio, self.tell = studio, tell
        self.opened: Opened | None = None
        self.name = ""
        self.history = History()
        self.options = Options(refine=REFINE)
        self.shown: Shown | None = None
        self.own: dict[str, Any] = {}
        self._drawing: Drawing | None = None
        self._task: asyncio.Task | None = None
        self._listeners: list[Callable[[], None]] = []
        self._viewers: list[Callable[[Shown], None]] = []

    @property
    def request(self) -> Request:
        """What is asked for now."""
        return self.history.shown

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls it after every change of what is asked for."""
        self._listeners.append(listener)

    def view(self, viewer: Callable[[Shown], None]) -> None:
        """Calls it with every picture."""
        self._viewers.append(viewer)

    async def open(self, name: str) -> None:
        """Takes another portrait; what was asked of the one before is forgotten."""
        self.tell("progress", f"opening {name}")
        try:
            opened = await self.studio.open(name)
            own = await self.studio.work(own_amounts, opened)
        except (PieError, OSError, RuntimeError, ValueError) as error:
            self.tell("problem", explain(error))
            return
        self.close()
        self.opened, self.name, self.own = opened, name, own
        self.history, self.shown = History(), None
        self._drawing = Drawing(self.studio, opened, self._show, self.tell)
        self._task = asyncio.create_task(self._drawing.run())
        self._changed()

    def close(self) -> None:
        """Draws no more."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._drawing = None

    def value(self, name: str) -> float:
        """The amount of something as it is asked for, or the portrait's own."""
        amount = self.request.amounts.get(name)
        own = self.own.get(name, 0.0)
        if amount is None:
            return own
        return float(amount.value) + (own if amount.added else 0.0)

    def move(self, **amounts: float | None) -> None:
        """A hand moves: amounts by name; None leaves something as it was."""
        self.history = self.history.move(self._with(amounts))
        self._changed(moving=True)

    def rest(self, **amounts: float | None) -> None:
        """A hand rests, where it is or there."""
        self.ask(self._with(amounts))

    def ask(self, request: Request) -> None:
        """Another request; a step of the history."""
        self.history = self.history.rest(request)
        self._changed()

    def go(self, history: History) -> None:
        """To another step of the history."""
        self.history = history
        self._changed()

    def choose(self, **options: Any) -> None:
        """Another way to edit (`shoot.Options`)."""
        self.options = dataclasses.replace(self.options, **options)
        self._changed()

    def _with(self, changes: dict[str, float | None]) -> Request:
        amounts = dict(self.request.amounts)
        for name, value in changes.items():
            amounts.pop(name, None)
            if value is not None:
                amounts[name] = Amount(round(value, 4))
        return dataclasses.replace(self.request, amounts=amounts)

    def _changed(self, *, moving: bool = False) -> None:
        for listener in self._listeners:
            listener()
        if self._drawing is not None:
            still = Pace.REFINED if self.options.refine else Pace.SHOT
            last = Pace.MOVING if moving else still
            self._drawing.want(Wish(self.request, self.options, last))

    async def _show(self, shown: Shown) -> None:
        self.shown = shown
        for viewer in self._viewers:
            viewer(shown)


def own_amounts(opened: Opened) -> dict[str, float]:
    """What the portrait itself has of all that can be asked for, by name."""
    editable = opened.editable
    found = edit_record.units(editable, opened.own)
    own = {**found["degrees"], **found["expressions"], "intensity": 1.0}
    own |= {k: x for k, x in found["light"].items() if k != "colour"}
    for alias in morphable.names(editable.model):
        parts = morphable.units_of(editable.model, alias).items()
        own[alias] = sum(own[unit] / share for unit, share in parts) / len(parts)
    raw = {"beta": opened.own.expression, "sh": opened.own.illumination}
    for kind, values in raw.items():
        own |= {f"{kind}{i}": float(x) for i, x in enumerate(values[0])}
    return own
