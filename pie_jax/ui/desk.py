"""What one browser tab is at: a portrait, what is asked of it, and who shows that.

Panels say what a hand does (`move`, `rest`), and are told of every change (`listen`), for
undo and other panels change what they show.
"""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from pie_jax.core.errors import explain
from pie_jax.editing.refine import STEPS
from pie_jax.editing.targets import Amount
from pie_jax.ui.drawing import Drawing, Pace, Shown, Wish
from pie_jax.ui.history import History
from pie_jax.ui.studio import Opened, Studio
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options


class Desk:
    """A tab's state."""

    def __init__(self, studio: Studio, tell: Callable[[str, str], None]):
        """Begins without a portrait.

        Args:
            studio: where is drawn.
            tell: `(kind, words)`, of "problem", "progress", "news", "embedded".
        """
        self.studio, self.tell = studio, tell
        self.opened: Opened | None = None
        self.history = History()
        self.options = Options(refine=STEPS)
        self.shown: Shown | None = None
        self._standing: dict[str, float] = {}
        self._closed = False
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

    async def open(self, name: str) -> bool:
        """Takes another portrait; what was asked of the one before is forgotten. False
        where that is not possible, which is told."""
        self.tell("progress", f"opening {name}")
        try:
            opened = await self.studio.open(name)
        except Exception as error:  # noqa: BLE001  the tab goes on
            self.tell("problem", explain(error))
            return False
        if self._closed:
            return False
        self._stop()
        self.opened = opened
        self.history, self.shown = History(), None
        self._standing = opened.own_amounts
        self._drawing = Drawing(self.studio, opened, self._show, self.tell)
        self._task = asyncio.create_task(self._drawing.run())
        self._changed()
        return True

    def close(self) -> None:
        """The tab has gone."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = self._drawing = None

    def value(self, name: str) -> float:
        """The amount of something as it is asked for, or what it is by all else that is
        asked for; the portrait's own without any."""
        amount = self.request.amounts.get(name)
        if amount is None:
            return self._standing.get(name, 0.0)
        own = self.opened.own_amounts.get(name, 0.0) if self.opened else 0.0
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
        self._told()
        if self._drawing is not None:
            still = Pace.REFINED if self.options.refine else Pace.SHOT
            last = Pace.MOVING if moving else still
            self._drawing.want(Wish(self.request, self.options, last))

    def _told(self) -> None:
        for listener in self._listeners:
            listener()

    async def _show(self, shown: Shown) -> None:
        self.shown = shown
        if shown.picture.amounts is not None and shown.wish.request == self.request:
            self._standing = shown.picture.amounts
            if shown.pace is Pace.FULL:
                self._told()
        for viewer in self._viewers:
            viewer(shown)
