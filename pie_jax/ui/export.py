"""What leaves the editor: pictures, sweeps, the code, theta, and the command line."""

import dataclasses
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import ui

from pie_jax.core.errors import PieError, explain
from pie_jax.ui import uploads
from pie_jax.ui.desk import Desk
from pie_jax.ui.photo_input import photo_input
from pie_jax.ui.studio import Opened
from pie_jax.workflows import edit, requests
from pie_jax.workflows.export import export
from pie_jax.workflows.requests import Request, Sweep
from pie_jax.workflows.shoot import Options

SWEPT = {"yaw": (-25.0, 25.0), "pitch": (-12.0, 12.0), "smile": (0.0, 1.0)}
FRAMES = 9


def panel(desk: Desk) -> None:
    """Buttons; files go into the portrait's folder, and to the browser."""
    ui.button("Save picture", icon="save", on_click=lambda: save(desk)).props(
        "text-color=black no-caps"
    )
    with ui.row().classes("items-center"):
        swept = ui.select(list(SWEPT), value="yaw", label="Sweep").classes("w-24")
        ui.button("Save sweep", on_click=lambda: save_sweep(desk, swept.value)).props(
            "outline no-caps"
        )
    with ui.row():
        for kind, make in {"Code (.npz)": code, "Face (theta, .json)": theta}.items():
            act = partial(make, desk)
            ui.button(kind, on_click=act).props("outline no-caps size=sm")
    photo_input(
        desk,
        "Paste back into this photograph",
        lambda photo: paste(desk, photo),
        uploads.REFERENCES,
    )
    ui.label("The same by the command line").classes("text-sm mt-2")
    line = ui.label("").classes("w-full text-xs font-mono break-all")
    copy = ui.button("Copy", on_click=lambda: ui.clipboard.write(line.text))
    copy.props("flat dense no-caps size=sm")

    def follow() -> None:
        line.set_text(command(desk))

    desk.listen(follow)
    follow()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What was on the desk when somebody asked for it: it may be another thing when the
    studio has time."""

    opened: Opened
    request: Request
    options: Options


def wanted(desk: Desk) -> Wanted:
    """What is on the desk.

    Raises:
        PieError: there is no portrait.
    """
    if desk.opened is None:
        raise PieError("open a portrait first")
    return Wanted(desk.opened, desk.request, desk.options)


def command(desk: Desk) -> str:
    """The command line that gives the same picture; "" where nothing is asked for."""
    if desk.opened is None or desk.request == Request():
        return ""
    found = wanted(desk)
    options, place = found.options, found.opened.folder
    words = ["pie", "edit", str(place), *requests.as_options(found.request)]
    words += [f"--refine={options.refine}"] if options.refine else ["--quick"]
    words += [] if options.keep_background else ["--background=edited"]
    label = _label(found, None)
    if label != requests.label(found.request, None):
        words.append(f"--out={place / 'edits' / label}")
    words += [f"--config={desk.studio.config}"] if desk.studio.config else []
    return shlex.join([*words, *desk.studio.overrides])


async def save(desk: Desk) -> None:
    """`edited.png`, as the command line makes it."""
    await _download(desk, "edited.png")


async def save_sweep(desk: Desk, name: str) -> None:
    """`sweep.gif`, and `sweep.mp4`."""
    low, high = SWEPT[name]
    swept = requests.sweep(f"{name}={low}:{high}:{FRAMES}")
    await _download(desk, "sweep.gif", "sweep.mp4", sweep=swept)


async def paste(desk: Desk, photo: Path) -> None:
    """`pasted.png`: the edit in the full photograph."""
    await _download(desk, "pasted.png", paste_back=photo)


async def theta(desk: Desk) -> None:
    """All numbers of the edit, in `edit.json`."""
    await _download(desk, edit.RECORD)


async def code(desk: Desk) -> None:
    """The code for other programs (`pie export`)."""

    def make(found: Wanted) -> list[Path]:
        place = found.opened.folder
        export(place, place / f"{place.name}.npz")
        return [place / f"{place.name}.npz"]

    await _hand_over(desk, make)


async def _download(
    desk: Desk, *names: str, sweep: Sweep | None = None, **options: Any
) -> None:
    """Makes an edit's files, and hands some of them over."""

    def make(found: Wanted) -> list[Path]:
        chosen = dataclasses.replace(found.options, **options)
        place = _edited(desk, dataclasses.replace(found, options=chosen), sweep)
        return [place / name for name in names if (place / name).exists()]

    await _hand_over(desk, make)


def _edited(desk: Desk, found: Wanted, sweep: Sweep | None) -> Path:
    """The folder of the edit's files."""
    if found.request == Request() and sweep is None:
        raise PieError("nothing was changed yet; there is nothing to save")
    folder = found.opened.folder
    return edit.edit_portrait(
        folder,
        found.request,
        sweep,
        found.options,
        out=folder / "edits" / _label(found, sweep),
        config=desk.studio.config,
        overrides=desk.studio.overrides,
        opened=found.opened.editable,
        overwrite=True,
    )


def _label(found: Wanted, sweep: Sweep | None) -> str:
    """As `pie edit` calls it, with what makes other files of it."""
    label = requests.label(found.request, sweep) or "as-it-was"
    label += "" if found.options.refine else "_quick"
    label += "" if found.options.keep_background else "_generated"
    return label + ("_pasted" if found.options.paste_back else "")


async def _hand_over(desk: Desk, make: Callable[[Wanted], list[Path]]) -> None:
    """Makes files in the studio's thread, and hands them to the browser."""
    desk.tell("progress", "saving")
    try:
        found = wanted(desk)
        paths = await desk.studio.work(make, found)
        folder = found.opened.folder
        for path in paths:
            made = f"{folder.name}-{path.parent.name}{path.suffix}"
            ui.download.file(path, path.name if path.parent == folder else made)
    except Exception as error:  # noqa: BLE001  the tab goes on
        desk.tell("problem", explain(error))
        return
    desk.tell("news", f"saved {', '.join(str(x) for x in paths)}")
