"""What leaves the editor: pictures, sweeps, the code, theta, and the command line."""

import dataclasses
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import ui

from pie_jax.core.errors import PieError, explain
from pie_jax.ui.desk import Desk
from pie_jax.ui.photo_input import photo_input
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
            act = partial(_download, desk, partial(make, desk))
            ui.button(kind, on_click=act).props("outline no-caps size=sm")
    photo_input(desk, "Paste back into this photograph", lambda x: paste(desk, x))
    ui.label("The same by the command line").classes("text-sm mt-2")
    line = ui.label("").classes("w-full text-xs font-mono break-all")
    copy = ui.button("Copy", on_click=lambda: ui.clipboard.write(line.text))
    copy.props("flat dense no-caps size=sm")

    def follow() -> None:
        line.set_text(command(desk))

    desk.listen(follow)
    follow()


def command(desk: Desk, sweep: str = "") -> str:
    """The command line that gives the same picture."""
    if desk.opened is None:
        return ""
    options = desk.options
    words = ["pie", "edit", str(desk.opened.folder), *requests.as_options(desk.request)]
    words += [f"--refine={options.refine}"] if options.refine else ["--quick"]
    words += [] if options.keep_background else ["--background=edited"]
    words += [f"--sweep={sweep}"] if sweep else []
    words += [f"--config={desk.studio.config}"] if desk.studio.config else []
    return shlex.join([*words, *desk.studio.overrides])


async def save(desk: Desk) -> None:
    """`edited.png`, as the command line makes it."""
    await _download(desk, lambda: [_edited(desk, None, desk.options) / "edited.png"])


async def save_sweep(desk: Desk, name: str) -> None:
    """`sweep.gif`, and `sweep.mp4`; refined frames would take minutes."""
    low, high = SWEPT[name]
    swept = requests.sweep(f"{name}={low}:{high}:{FRAMES}")
    options = dataclasses.replace(desk.options, refine=0)

    def make() -> list[Path]:
        place = _edited(desk, swept, options)
        return [place / "sweep.gif", place / "sweep.mp4"]

    await _download(desk, make)


async def paste(desk: Desk, photo: Path) -> None:
    """`pasted.png`: the edit in the full photograph."""
    options = dataclasses.replace(desk.options, paste_back=photo)
    await _download(desk, lambda: [_edited(desk, None, options) / "pasted.png"])


def code(desk: Desk) -> list[Path]:
    """The code for other programs (`pie export`)."""
    place = _opened(desk).folder
    out = place / f"{place.name}.npz"
    export(place, out)
    return [out]


def theta(desk: Desk) -> list[Path]:
    """All numbers of the edit, in `edit.json`."""
    return [_edited(desk, None, desk.options) / edit.RECORD]


def _edited(desk: Desk, sweep: Sweep | None, options: Options) -> Path:
    """The folder of the edit's files, made if it is not there."""
    opened, request = _opened(desk), desk.request
    if request == Request() and sweep is None:
        raise PieError("nothing was changed yet; there is nothing to save")
    return edit.edit_portrait(
        opened.folder,
        request,
        sweep,
        options,
        out=opened.folder / "edits" / _label(request, sweep, options),
        config=desk.studio.config,
        overrides=desk.studio.overrides,
        opened=opened.editable,
        overwrite=True,
    )


def _label(request: Request, sweep: Sweep | None, options: Options) -> str:
    """As `pie edit` calls it, with what makes another picture of it."""
    label = requests.label(request, sweep) or "as-it-was"
    label += "" if options.refine or sweep else "_quick"
    return label if options.keep_background else f"{label}_generated"


def _opened(desk: Desk) -> Any:
    if desk.opened is None:
        raise PieError("open a portrait first")
    return desk.opened


async def _download(desk: Desk, make: Callable[[], list[Path]]) -> None:
    """Makes files in the studio's thread, and hands them to the browser."""
    desk.tell("progress", "saving")
    try:
        paths = await desk.studio.work(make)
    except (PieError, OSError, RuntimeError, ValueError, MemoryError) as error:
        desk.tell("problem", explain(error))
        return
    folder = _opened(desk).folder
    for path in paths:
        edit_of = path.parent.name if path.parent != folder else ""
        name = f"{folder.name}-{edit_of}{path.suffix}" if edit_of else path.name
        ui.download.file(path, name)
    desk.tell("news", f"saved {', '.join(str(x) for x in paths)}")
