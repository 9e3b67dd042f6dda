"""Pose, expression or light of another photograph."""

import dataclasses
from pathlib import Path

from nicegui import ui

from pie_jax.ui.desk import Desk
from pie_jax.ui.photo_input import photo_input

KINDS = {"rotation": "Pose", "expression": "Expression", "illumination": "Light"}


def panel(desk: Desk) -> None:
    """Upload a photograph, and say what of it is wanted."""
    ui.label("As in another photograph").classes("text-sm")
    wanted = ui.toggle(KINDS, value="rotation")
    wanted.props("no-caps dense toggle-text-color=black")

    async def use(photo: Path) -> None:
        photos = {**desk.request.photos, wanted.value: photo}
        desk.ask(dataclasses.replace(desk.request, photos=photos))

    photo_input(desk, "Reference photograph", use)
    place = ui.column().classes("w-full gap-0")

    def drop(component: str) -> None:
        photos = {k: x for k, x in desk.request.photos.items() if k != component}
        desk.ask(dataclasses.replace(desk.request, photos=photos))

    def follow() -> None:
        place.clear()
        with place:
            for component, photo in desk.request.photos.items():
                with ui.row().classes("items-center no-wrap w-full"):
                    ui.label(f"{KINDS[component]}: {photo.name}").classes(
                        "grow text-sm"
                    )
                    back = ui.button(icon="close", on_click=lambda c=component: drop(c))
                    back.props(f'flat dense round aria-label="Without {photo.name}"')

    desk.listen(follow)
    follow()
