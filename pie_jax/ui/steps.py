"""Undo, redo, the list of steps, and presets."""

from nicegui import ui

from pie_jax.editing.targets import Amount
from pie_jax.ui.desk import Desk
from pie_jax.workflows import requests
from pie_jax.workflows.requests import Request

PRESETS = {
    "Smile": Request({"smile": Amount(0.7)}),
    "Surprised": Request({"jawOpen": Amount(0.4), "browsUp": Amount(0.8)}),
    "Neutral face": Request(neutral=True),
    "Turned left": Request({"yaw": Amount(-20.0)}),
    "Turned right": Request({"yaw": Amount(20.0)}),
    "Looking up": Request({"pitch": Amount(12.0)}),
    "Lamp at the right": Request({"azimuth": Amount(60.0), "elevation": Amount(20.0)}),
    "Warm lamp": Request(colour=(1.0, 217 / 255, 179 / 255)),
}


def buttons(desk: Desk) -> None:
    """Undo, redo, reset."""
    kinds = {
        "undo": ("Undo", lambda: desk.go(desk.history.undo())),
        "redo": ("Redo", lambda: desk.go(desk.history.redo())),
        "restart_alt": ("All as it was", lambda: desk.ask(Request())),
    }
    made = {}
    for icon, (label, act) in kinds.items():
        made[icon] = ui.button(icon=icon, on_click=act).props(
            f'flat round dense aria-label="{label}"'
        )
        made[icon].tooltip(label)

    def follow() -> None:
        made["undo"].set_enabled(desk.history.undoable)
        made["redo"].set_enabled(desk.history.redoable)

    desk.listen(follow)
    follow()


def panel(desk: Desk) -> None:
    """Presets, and what was asked for so far."""
    ui.label("Presets").classes("text-sm")
    with ui.row().classes("gap-1"):
        for name, preset in PRESETS.items():
            ask = lambda preset=preset: desk.ask(preset)
            ui.button(name, on_click=ask).props("outline dense no-caps size=sm")
    ui.label("Steps").classes("text-sm mt-4")
    place = ui.column().classes("w-full gap-0")

    def follow() -> None:
        place.clear()
        with place:
            for i, step in enumerate(desk.history.steps):
                go = lambda i=i: desk.go(desk.history.go(i))
                button = ui.button(described(step), on_click=go)
                here = i == desk.history.place
                button.props("flat dense no-caps align=left size=sm").classes("w-full")
                button.props(f"color={'primary' if here else 'grey-4'}")

    shown: list[tuple] = []

    def when_settled() -> None:
        state = (desk.history.steps, desk.history.place)
        if shown != [state]:
            shown[:] = [state]
            follow()

    desk.listen(when_settled)
    when_settled()


def described(request: Request) -> str:
    """A request in few words."""
    found = requests.described(request)
    words = [
        f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items()
    ]
    return ", ".join(words) or "as it was"
