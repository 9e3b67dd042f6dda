"""The pose: sliders. The trackball is the picture itself (`picture`)."""

from nicegui import ui

from pie_jax.ui import limits
from pie_jax.ui.desk import Desk
from pie_jax.ui.dials import dial


def panel(desk: Desk) -> None:
    """Yaw, pitch and roll in degrees."""
    words = "Drag the picture to turn the head; with Shift to tilt it."
    ui.label(words).classes("text-sm")
    for name in limits.POSE:
        dial(desk, name, 0.5)
