"""The portraits of the folder, to be picked."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nicegui import ui

from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.ui.desk import Desk
from pie_jax.ui.studio import as_url

_THUMB = 128


def panel(desk: Desk, pick: Callable[[str], Any]) -> Callable[[], None]:
    """Thumbnails.

    Args:
        desk: what is open there.
        pick: opens a portrait.

    Returns:
        What looks at the folder again.
    """
    words = ui.label("").classes("text-sm")
    place = ui.row().classes("gap-2")

    shown: list[str] | None = None

    def look() -> None:
        nonlocal shown
        names = desk.studio.portraits()
        if names == shown:
            return  # a click may be on its way to what is there
        shown = names
        words.set_text("" if names else "No portrait yet: upload a photograph.")
        place.clear()
        with place:
            for name in names:
                with ui.button(on_click=lambda name=name: pick(name)) as button:
                    button.props("flat padding=none no-caps")
                    button.props["aria-label"] = f"Open {name}"
                    with ui.column().classes("items-center gap-0 w-20"):
                        small = thumbnail(desk, name)
                        image = ui.image(small).classes("w-20 h-20")
                        image.props["alt"] = name
                        ui.label(name).classes("text-xs truncate w-20")

    look()
    return look


def thumbnail(desk: Desk, name: str) -> str:
    """The aligned photograph, small; "" where it is not there."""
    path = desk.studio.folder / name / "aligned.png"
    try:
        return _thumbnail(path, path.stat().st_mtime_ns)
    except (PieError, OSError):
        return ""


@functools.lru_cache(maxsize=1000)
def _thumbnail(path: Path, changed: int) -> str:
    photo_u8 = images.read(path)
    step = max(1, len(photo_u8) // _THUMB)
    return as_url(np.ascontiguousarray(photo_u8[::step, ::step]))
