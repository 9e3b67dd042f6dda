"""The picture: what was drawn, the trackball on it, and what lies over it."""

import time
from typing import Any

import numpy as np
from nicegui import ui
from PIL import Image, ImageDraw

from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.io import images
from pie_jax.ui.desk import Desk
from pie_jax.ui.drag import Drag, draggable
from pie_jax.ui.drawing import Pace, Shown
from pie_jax.ui.limits import within
from pie_jax.ui.studio import as_url

DEGREES = {"yaw": 90.0, "pitch": 60.0, "roll": -90.0}
"""That a drag over the whole picture turns the head by."""
ARROWS = {
    "ArrowLeft": ("yaw", -2.0),
    "ArrowRight": ("yaw", 2.0),
    "ArrowUp": ("pitch", 2.0),
    "ArrowDown": ("pitch", -2.0),
}
"""What they do where the picture has the focus, in degrees; with Shift a fourth."""
_MESH = 512
_COVER = "position: absolute; inset: 0; pointer-events: none"


class Stage:
    """The picture's place on the page."""

    def __init__(self, desk: Desk):
        """Builds it where the page is built."""
        self._desk = desk
        self._mesh, self._split = False, 0.0
        with ui.element("div").classes("relative w-full stage"):
            self._image = ui.interactive_image("").classes("w-full")
            self._image.props(
                'tabindex=0 role=application aria-label="The portrait. Arrow keys turn '
                'the head; press ? for all keys."'
            )
            self._before = ui.image("").style(_COVER).props("no-spinner alt=Before")
            self._overlay = ui.image("").style(_COVER).props("no-spinner alt=Mesh")
        with ui.row().classes("w-full items-center no-wrap gap-2"):
            ui.label("Before").classes("text-xs")
            self._slider = ui.slider(min=0, max=100, value=0, step=1).classes("grow")
            self._slider.props(
                'dense aria-label="How much of the picture is as before"'
            )
            self._slider.on_value_change(lambda event: self._divide(event.value))
            self._pace = ui.label("").classes("text-xs w-56 text-right tabular-nums")
            self._pace.props("aria-live=off")
        draggable(self._image, self._dragged)
        for kind in ("keydown", "keyup"):
            self._image.on(kind, self._key, ["type", "key", "shiftKey"])
        self._at_start: dict[str, float] = {}
        self._times: list[float] = []
        desk.view(self._show)
        desk.listen(self._follow)
        self._divide(0)
        self._hide_mesh()

    def toggle_mesh(self) -> None:
        """Shows the face model over the picture, or does not any more."""
        self._mesh = not self._mesh
        if self._mesh and self._desk.shown:
            self._draw_mesh(self._desk.shown)
        else:
            self._hide_mesh()

    def toggle_before(self) -> None:
        """Shows the portrait as it was, or the edit again."""
        self._slider.set_value(0 if self._split else 100)

    def _follow(self) -> None:
        opened = self._desk.opened
        if opened is not None and self._desk.shown is None:
            photo = images.to_u8(np.asarray(opened.editable.photo))
            self._before.set_source(as_url(photo))

    def _dragged(self, drag: Drag) -> None:
        desk = self._desk
        if desk.opened is None:
            return
        if drag.begun:
            self._at_start = {name: desk.value(name) for name in DEGREES}
            return
        if not self._at_start:
            return  # the hand came before the portrait
        if drag.ended and not (drag.dx or drag.dy):
            desk.rest()
            return
        if drag.shift:
            wanted = {"roll": drag.dx}
        else:
            wanted = {"yaw": drag.dx, "pitch": -drag.dy}
        amounts = {
            name: round(within(name, self._at_start[name] + DEGREES[name] * share), 1)
            for name, share in wanted.items()
        }
        (desk.rest if drag.ended else desk.move)(**amounts)

    def _key(self, event: Any) -> None:
        found = ARROWS.get(event.args["key"])
        if found is None or self._desk.opened is None:
            return
        if event.args["type"] == "keyup":
            self._desk.rest()
            return
        name, step = found
        step = step / 4 if event.args.get("shiftKey") else step
        self._desk.move(**{name: within(name, self._desk.value(name) + step)})

    def _show(self, shown: Shown) -> None:
        self._image.set_source(shown.picture.url)
        self._pace.set_text(self._told(shown))
        if self._mesh:
            self._draw_mesh(shown)

    def _told(self, shown: Shown) -> str:
        """Latency, and frames a second while a hand moves."""
        size = shown.picture.size
        words = f"{size} px, {1000 * shown.seconds:.0f} ms"
        if shown.pace is not Pace.MOVING:
            self._times = []
            return words + (" (refined)" if shown.pace is Pace.REFINED else "")
        now = time.monotonic()
        self._times = [t for t in self._times if t > now - 1] + [now]
        return f"{words}, {len(self._times)} a second"

    def _divide(self, percent: float) -> None:
        self._split = percent
        self._before.style(f"clip-path: inset(0 {100 - percent}% 0 0)")
        self._before.set_visibility(percent > 0)

    def _hide_mesh(self) -> None:
        self._overlay.set_visibility(False)

    def _draw_mesh(self, shown: Shown) -> None:
        opened, achieved = self._desk.opened, shown.picture.achieved
        if opened is None or achieved is None:
            self._hide_mesh()  # nobody looked at a picture that moves
            return
        drawn = wires(opened.editable.model, achieved, _MESH)
        self._overlay.set_source(as_url(drawn))
        self._overlay.set_visibility(True)


def wires(model: Morphable, theta: FaceParams, size: int) -> np.ndarray:
    """The visible edges of a face `[1]`, thin lines on nothing: `[size, size, 4]` uint8."""
    seen = render_vertices(model, theta, 1)
    points = size * np.asarray(seen.points)[0]
    visible = np.asarray(seen.visible)[0] > 0
    triangles = np.asarray(model.triangles)
    triangles = triangles[visible[triangles].all(axis=1)]
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    picture = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(picture)
    for one, other in edges:
        draw.line([*points[one], *points[other]], fill=(255, 255, 255, 90))
    return np.asarray(picture)
