"""Sliders of amounts: what is asked for, or the portrait's own until somebody asks."""

from typing import Any

from nicegui import ui

from pie_jax.ui.desk import Desk
from pie_jax.ui.limits import limits


def dial(desk: Desk, name: str, step: float, label: str = "") -> ui.element:
    """A labelled slider of one amount, with its number and a way back.

    Args:
        desk: what is changed.
        name: of the amount (`requests.Request`).
        step: between two values.
        label: what people read; the name without it.

    Returns:
        The row that holds them.
    """
    low, high = limits(name)
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

    rested: list[float] = []

    def rest(event: Any) -> None:
        if event.args is not None:
            rested[:] = [float(event.args)]
            desk.rest(**{name: float(event.args)})

    def move(event: Any) -> None:
        # The last of those that are held back may come after the end.
        if event.args is not None and [float(event.args)] != rested:
            rested.clear()
            desk.move(**{name: float(event.args)})

    # Not `on_change`, which is also called when undo or another panel moves it.
    slider.on("update:model-value", move, throttle=0.03)
    slider.on("change", rest)

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
