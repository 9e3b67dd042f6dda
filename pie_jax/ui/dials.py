"""Sliders of amounts: what is asked for, or the portrait's own until somebody asks."""

import asyncio
from typing import Any

from nicegui import ui

from pie_jax.ui.desk import Desk

_PAUSE = 0.5
"""Seconds after which a hand on a slider rests."""


def dial(
    desk: Desk, name: str, low: float, high: float, step: float, label: str = ""
) -> ui.element:
    """A labelled slider of one amount, with its number and a way back.

    Args:
        desk: what is changed.
        name: of the amount (`requests.Request`).
        low: the least.
        high: the most.
        step: between two values.
        label: what people read; the name without it.

    Returns:
        The row that holds them.
    """
    label, digits = label or name, 1 if step >= 0.5 else 2
    with ui.row().classes("items-center w-full no-wrap gap-2") as row:
        words = ui.label(label).classes("w-24 shrink-0 text-sm truncate")
        words.props("aria-hidden=true").tooltip(label)
        slider = ui.slider(min=low, max=high, step=step, value=low).classes("grow")
        slider.props(f'aria-label="{label}" dense')
        shown = ui.label().classes("w-12 shrink-0 text-right text-xs tabular-nums")
        back = ui.button(icon="undo", on_click=lambda: desk.rest(**{name: None}))
        back.props(f'flat dense round size=xs aria-label="{label}: as it was"')
        back.classes("shrink-0")

    waiting: list[asyncio.TimerHandle] = []

    def rest(value: float) -> None:
        while waiting:
            waiting.pop().cancel()
        desk.rest(**{name: value})

    def moved(event: Any) -> None:
        if event.args is None:
            return
        value = float(event.args)
        desk.move(**{name: value})
        while waiting:
            waiting.pop().cancel()
        # Keys, which Quasar says no end of.
        loop = asyncio.get_running_loop()
        waiting.append(loop.call_later(_PAUSE, rest, value))

    # Not `on_change`, which is also called when undo or another panel moves it.
    slider.on("update:model-value", moved, throttle=0.03)
    slider.on("change", lambda event: rest(float(event.args)))

    def follow() -> None:
        value = desk.value(name)
        slider.set_value(min(max(round(value, 3), low), high))
        shown.set_text(f"{value:.{digits}f}")
        asked = name in desk.request.amounts
        back.style(f"visibility: {'visible' if asked else 'hidden'}")
        slider.props(f"color={'primary' if asked else 'grey-6'}")

    desk.listen(follow)
    follow()
    return row
