"""The light: a lit sphere to drag, colour, intensity, and the raw coefficients."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from nicegui import ui

from pie_jax.graphics import shading
from pie_jax.ui import expression
from pie_jax.ui.desk import Desk
from pie_jax.ui.dials import dial
from pie_jax.ui.drag import Drag, draggable
from pie_jax.ui.drawing import Shown
from pie_jax.ui.studio import as_url
from pie_jax.workflows import requests

_SIZE = 128
STEPS = {"azimuth": 1.0, "elevation": 1.0, "strength": 0.01, "intensity": 0.05}
_WHITE = "#ffffff"


def panel(desk: Desk) -> None:
    """Drag the sphere, or say it in numbers."""
    ui.label("Drag the sphere: where you hold it the light comes from.")
    sphere = ui.interactive_image(as_url(ball(np.zeros(27)))).classes("w-32")
    sphere.props(
        'role=img aria-label="A sphere in the light of the portrait; the sliders below '
        'turn it as well"'
    )

    def dragged(drag: Drag) -> None:
        azimuth, elevation = direction(drag.x, drag.y)
        (desk.rest if drag.ended else desk.move)(azimuth=azimuth, elevation=elevation)

    draggable(sphere, dragged)
    for name, step in STEPS.items():
        dial(desk, name, step)
    colour = ui.color_input("Colour of the lamp", value=_WHITE).classes("w-full")
    colour.on("blur", lambda: _tint(desk, colour.value))
    colour.on("keydown.enter", lambda: _tint(desk, colour.value))
    colour.picker.on_pick(lambda event: _tint(desk, event.color))
    raw = ui.expansion("Spherical harmonics 0 to 26").classes("w-full")
    made: list[Any] = []

    def follow() -> None:
        asked = desk.request.colour
        colour.set_value(_WHITE if asked is None else requests.hexadecimal(asked))
        if desk.opened is not None and not made:
            made.append(raw)
            with raw:
                expression.coefficients(desk, "sh")

    lit: list[bytes] = []

    def view(shown: Shown) -> None:
        illumination = np.asarray(shown.picture.target.illumination)[0]
        if lit != [illumination.tobytes()]:
            lit[:] = [illumination.tobytes()]
            sphere.set_source(as_url(ball(illumination)))

    desk.listen(follow)
    desk.view(view)


def ball(illumination: np.ndarray) -> np.ndarray:
    """A white sphere in a light `[27]`, `[_SIZE, _SIZE, 3]` uint8, on grey."""
    x, y = np.meshgrid(*2 * (np.linspace(-1.05, 1.05, _SIZE),))
    y = -y  # rows go down
    inside = x**2 + y**2 < 1
    z = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    normals = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    found = shading.shade(jnp.asarray(normals), jnp.asarray(illumination))
    colours = np.asarray(found).reshape(_SIZE, _SIZE, 3)
    shown = np.where(inside[..., None], 0.8 * colours, 0.15)
    return np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)


def direction(x: float, y: float) -> tuple[float, float]:
    """Azimuth and elevation in degrees of a place on the sphere's picture, in fractions
    of it; places beside the sphere are of its edge."""
    place = 1.05 * np.array([2 * x - 1, 1 - 2 * y])
    place /= max(1.0, float(np.linalg.norm(place)))
    depth = np.sqrt(max(0.0, 1 - float(place @ place)))
    azimuth = np.degrees(np.arctan2(place[0], depth))
    return round(float(azimuth), 1), round(float(np.degrees(np.arcsin(place[1]))), 1)


def parsed(text: str) -> tuple[float, float, float] | None:
    """The colour that #RRGGBB says; None for white, which changes nothing, for black,
    which is no light, and for what is no colour."""
    try:
        values = bytes.fromhex(text.removeprefix("#"))
    except ValueError:
        return None
    if len(values) != 3 or set(values) in ({0}, {255}):
        return None
    red, green, blue = (x / 255 for x in values)
    return red, green, blue


def _tint(desk: Desk, text: str) -> None:
    asked = desk.request.colour
    if text == (_WHITE if asked is None else requests.hexadecimal(asked)):
        return  # somebody only passed by
    desk.ask(dataclasses.replace(desk.request, colour=parsed(text)))
