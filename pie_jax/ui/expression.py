"""Expressions: named ones, grouped and searchable, and the raw coefficients."""

from collections.abc import Iterable

from nicegui import ui

from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.ui.desk import Desk
from pie_jax.ui.dials import dial
from pie_jax.workflows import requests

GROUPS = {
    "Whole face": (),
    "Brows": ("brow",),
    "Eyes": ("eye",),
    "Mouth": ("mouth", "tongue"),
    "Jaw": ("jaw",),
    "Cheeks, nose": ("cheek", "nose"),
}
"""Units by how their names begin; the rest are aliases, of several units each."""


def panel(desk: Desk) -> None:
    """Sliders, made when the first portrait is there; raw ones when they are looked at."""
    found = ui.input("Search", on_change=lambda event: _filter(rows, event.value))
    found.props('clearable dense aria-label="Search expressions"').classes("w-full")
    place = ui.column().classes("w-full gap-0")
    rows: dict[str, ui.element] = {}
    raw = ui.expansion("Coefficients 0 to 63").classes("w-full")

    def follow() -> None:
        if desk.opened is None or rows:
            return
        with place:
            for group, names in grouped(_names(desk)).items():
                opened = ui.expansion(group, value=group == "Whole face")
                with opened.classes("w-full"):
                    for name in names:
                        rows[name] = dial(desk, name, 0.05)
        with raw:
            coefficients(desk, "beta")

    desk.listen(follow)
    follow()


def coefficients(desk: Desk, kind: str) -> None:
    """Sliders of all coefficients of a kind (`requests.RAW`)."""
    for i, name in enumerate(requests.coefficients(kind)):
        dial(desk, name, 0.05, f"{kind} {i}")


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of expressions by the part of the face, in the order of `GROUPS`."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name in names:
        found[_group(name)].append(name)
    return {group: each for group, each in found.items() if each}


def _group(name: str) -> str:
    # Units end in a side or a direction, with a capital; "browsUp" and "eyesWide" are
    # aliases of both sides.
    for group, beginnings in GROUPS.items():
        for beginning in beginnings:
            if name.startswith(beginning) and not name.startswith(f"{beginning}s"):
                return group
    return next(iter(GROUPS))


def _names(desk: Desk) -> tuple[str, ...]:
    if desk.opened is None:
        raise PieError("no portrait is open")
    return morphable.names(desk.opened.editable.model)


def _filter(rows: dict[str, ui.element], text: str | None) -> None:
    wanted = (text or "").strip().lower()
    for name, row in rows.items():
        row.set_visibility(wanted in name.lower())
        group = row.parent_slot.parent if row.parent_slot else None
        if wanted and wanted in name.lower() and isinstance(group, ui.expansion):
            group.open()
