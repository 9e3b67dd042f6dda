"""The pose: sliders. The trackball is the picture itself (`picture`)."""

from nicegui import ui

from pie_jax.ui.desk import Desk
from pie_jax.ui.dials import dial

LIMITS = {"yaw": 45.0, "pitch": 30.0, "roll": 30.0}
"""Degrees to either side that a hand may ask for."""


def panel(desk: Desk) -> None:
    """Yaw, pitch and roll in degrees."""
    words = "Drag the picture to turn the head; with Shift to tilt it."
    ui.label(words).classes("text-sm")
    for name, most in LIMITS.items():
        dial(desk, name, -most, most, 0.5)
