"""Dragging on a picture, by mouse, pen or finger. What no component does is in here: the
places in fractions of the picture, which may have another size at every moment, and that
a hand which leaves the picture still holds it."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nicegui import ui

_EMIT = """(event) => {
  if (event.type === "pointerdown" && event.button !== 0) return;
  const box = event.currentTarget.getBoundingClientRect();
  if (event.type === "pointerdown") {
    event.currentTarget.setPointerCapture(event.pointerId);
    event.currentTarget.focus();
  }
  if (event.type === "pointermove" && event.buttons === 0) return;
  emit({
    kind: event.type,
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
    shift: event.shiftKey,
  });
}"""


@dataclasses.dataclass(frozen=True)
class Drag:
    """Where a hand is.

    Attributes:
        x: in widths of the picture, from its left.
        y: in heights, from its top.
        dx: since the hand came.
        dy: likewise.
        begun: whether it has just come.
        ended: whether it goes.
        shift: whether Shift was held when it came.
    """

    x: float
    y: float
    dx: float
    dy: float
    begun: bool
    ended: bool
    shift: bool


def draggable(element: ui.element, handle: Callable[[Drag], None]) -> None:
    """Calls `handle` while something is dragged on an element."""
    start: list[dict[str, Any]] = []

    def moved(event: Any) -> None:
        here = event.args
        begun, ended = (
            here["kind"] == "pointerdown",
            here["kind"] in ("pointerup", "pointercancel"),
        )
        if begun:
            start[:] = [here]
        if not start:
            return
        came = start[0]
        away = here["x"] - came["x"], here["y"] - came["y"]
        handle(Drag(here["x"], here["y"], *away, begun, ended, came["shift"]))
        if ended:
            start.clear()

    # What is seen is told by the element's own label.
    find = f"getHtmlElement({element.id}).querySelector('img')"
    element.on("loaded", js_handler=f"() => {find}.setAttribute('alt', '')")
    element.style("touch-action: none; cursor: grab")
    for kind in ("pointerdown", "pointerup", "pointercancel"):
        element.on(kind, moved, js_handler=_EMIT)
    element.on("pointermove", moved, js_handler=_EMIT, throttle=0.03)
