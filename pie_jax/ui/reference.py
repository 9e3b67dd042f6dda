"""Pose, expression or light of another photograph."""

import dataclasses
from pathlib import Path

from nicegui import ui

from pie_jax.core.errors import explain
from pie_jax.ui import uploads
from pie_jax.ui.desk import Desk
from pie_jax.ui.photo_input import photo_input
from pie_jax.workflows.requests import Request

KINDS = {"rotation": "Pose", "expression": "Expression", "illumination": "Light"}


def panel(desk: Desk) -> None:
    """Upload a photograph, and say what of it is wanted."""
    ui.label("As in another photograph").classes("text-sm")
    wanted = ui.toggle(KINDS, value="rotation")
    wanted.props("no-caps dense toggle-text-color=black")

    async def use(photo: Path) -> None:
        opened, component = desk.opened, wanted.value
        if opened is None:
            desk.tell("problem", "open a portrait first")
            return
        desk.tell("progress", f"looking at {photo.name}")
        try:  # a photograph without a face is not asked for
            await desk.studio.work(opened.target, Request(photos={component: photo}))
        except Exception as error:  # noqa: BLE001  the tab goes on
            desk.tell("problem", explain(error))
            return
        photos = {**desk.request.photos, component: photo}
        desk.ask(dataclasses.replace(desk.request, photos=photos))

    photo_input(desk, "Reference photograph", use, uploads.REFERENCES)
    place = ui.column().classes("w-full gap-0")

    def drop(component: str) -> None:
        photos = {k: x for k, x in desk.request.photos.items() if k != component}
        desk.ask(dataclasses.replace(desk.request, photos=photos))

    shown: dict[str, Path] = {}

    def follow() -> None:
        if shown == desk.request.photos:
            return
        shown.clear()
        shown.update(desk.request.photos)
        place.clear()
        with place:
            for component, photo in desk.request.photos.items():
                with ui.row().classes("items-center no-wrap w-full"):
                    ui.label(f"{KINDS[component]}: {photo.name}").classes(
                        "grow text-sm"
                    )
                    back = ui.button(icon="close", on_click=lambda c=component: drop(c))
                    back.props("flat dense round")
                    back.props["aria-label"] = f"Without {photo.name}"

    desk.listen(follow)
    follow()
