"""How much of something a hand may ask for: what sliders and keys have in common."""

from pie_jax.workflows import requests

POSE = {"yaw": (-45.0, 45.0), "pitch": (-30.0, 30.0), "roll": (-30.0, 30.0)}
"""Degrees."""
EXPRESSION = (-0.3, 1.2)
LIGHT = {
    "azimuth": (-180.0, 180.0),
    "elevation": (-90.0, 90.0),
    "strength": (0.0, 1.0),
    "intensity": (0.2, 2.0),
}
RAW = {"beta": (-3.0, 3.0), "sh": (-1.5, 4.5)}
"""Of the paper's coefficients."""


def limits(name: str) -> tuple[float, float]:
    """The least and the most of an amount (`requests.Request`)."""
    for kind, found in RAW.items():
        if name in requests.coefficients(kind):
            return found
    return {**POSE, **LIGHT}.get(name, EXPRESSION)


def within(name: str, amount: float) -> float:
    """The nearest amount that a hand may ask for."""
    low, high = limits(name)
    return min(max(amount, low), high)
