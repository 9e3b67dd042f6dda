"""Photographs that become portraits: upload, choose the face, embed, cancel, resume."""

from pathlib import Path
from typing import Any

import numpy as np
from nicegui import ui

from pie_jax.core.errors import PieError, explain
from pie_jax.io import images
from pie_jax.photos import faces, portraits
from pie_jax.stack import configuration, fetch
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.ui import uploads
from pie_jax.ui.desk import Desk
from pie_jax.ui.job import Job
from pie_jax.ui.photo_input import photo_input
from pie_jax.ui.studio import as_url

_FACES = 6
"""The most that are shown of a photograph."""
_THUMB = 256
SPEEDS = {
    configuration.DEFAULT: "whole energy: four minutes, edits keep the person best",
    "fast": "fast: two minutes",
}


def panel(desk: Desk, jobs: dict[str, Job]) -> None:
    """Upload, and what runs; `jobs` are all tabs', by the photograph's stem."""
    place: Any = None
    photo_input(
        desk, "Upload a photograph", lambda photo: _choose(desk, jobs, photo, place)
    )
    place = ui.column().classes("w-full")
    running = ui.column().classes("w-full")
    told = {name for name, job in jobs.items() if job.state == "done"}
    cards: dict[str, _Card] = {}

    async def look() -> None:
        for name, job in [*jobs.items()]:
            if name not in cards or cards[name].job is not job:
                if name in cards:
                    cards[name].card.delete()
                with running:
                    cards[name] = _Card(job, lambda name=name: again(name))
            cards[name].look()
            if job.state == "done" and name not in told:
                told.add(name)
                await desk.studio.forget(name)
                desk.tell("embedded", name)

    def again(name: str) -> None:
        told.discard(name)
        jobs[name] = jobs[name].again()

    def left() -> None:
        """Offers what was uploaded before and is no portrait."""
        for photo in uploads.waiting(desk.studio.folder, desk.studio.portraits()):
            if photo.stem not in jobs:
                with place:
                    _offer(desk, jobs, photo)

    left()
    ui.timer(0.5, look)


def _offer(desk: Desk, jobs: dict[str, Job], photo: Path) -> None:
    async def show() -> None:
        row.delete()
        await _choose(desk, jobs, photo, place)

    place = ui.column().classes("w-full")
    with place, ui.row().classes("items-center w-full no-wrap") as row:
        ui.label(photo.name).classes("grow truncate")
        ui.button("Go on", on_click=show).props("dense flat")


class _Card:
    """One job as it is seen."""

    def __init__(self, job: Job, again: Any):
        self.job = job
        with ui.card().classes("w-full") as self.card:
            ui.label(job.photo.name).classes("font-medium")
            self._picture = ui.image().classes("w-full").props("no-spinner")
            self._picture.props["alt"] = f"{job.photo.stem} as it stands"
            self._bar = ui.linear_progress(0, show_value=False)
            self._bar.props["aria-label"] = f"Embedding of {job.photo.stem}"
            self._words = ui.label("").classes("text-xs whitespace-pre-line")
            with ui.row():
                self._stop = ui.button("Cancel", on_click=job.stop).props("dense flat")
                self._again = ui.button("Resume", on_click=again).props("dense flat")
        self._shown = ""

    def look(self) -> None:
        job, step = self.job, self.job.step
        words = [job.problem or job.state]
        if step is not None:
            self._bar.set_value(step.done / step.total)
            words = [f"{words[0]}: {step.done} of {step.total} steps{_left(job)}"]
            words += [f"{k} {v:.4g}" for k, v in (step.terms or {}).items()]
        self._words.set_text("\n".join(words))
        if job.picture and job.picture is not self._shown:
            self._picture.set_source(job.picture)
            self._shown = job.picture
        self._stop.set_visibility(job.active)
        self._again.set_visibility(job.state in ("stopped", "failed"))


def _left(job: Job) -> str:
    seconds = job.seconds_left
    if job.state != "running" or seconds is None:
        return ""
    return (
        f", {seconds / 60:.1f} minutes left"
        if seconds > 90
        else f", {seconds:.0f} s left"
    )


async def _choose(desk: Desk, jobs: dict[str, Job], photo: Path, place: Any) -> None:
    """Shows the faces of a photograph, aligned, to be chosen from."""
    desk.tell("progress", f"looking for faces in {photo.name}")
    try:
        found = await desk.studio.work(aligned_faces, photo)
    except (PieError, OSError) as error:
        desk.tell("problem", explain(error))
        return
    desk.tell("news", "choose a face")
    with place, ui.card().classes("w-full") as card:
        ui.label(f"{photo.name}: which face?").classes("font-medium")
        speed = ui.select(SPEEDS, value=configuration.DEFAULT, label="How")
        speed.classes("w-full").set_visibility(desk.studio.config is None)
        with ui.row():
            for i, thumb in enumerate(found, start=1):

                def begin(face: int = i) -> None:
                    _begin(desk, jobs, photo, face, speed.value)
                    card.delete()

                with ui.button(on_click=begin).props(
                    f'flat padding=none aria-label="Embed face {i}"'
                ):
                    ui.image(thumb).classes("w-24").props(f'alt="Face {i}, aligned"')


def _begin(
    desk: Desk, jobs: dict[str, Job], photo: Path, face: int, speed: str
) -> None:
    """Embeds one face; another portrait of the photograph gets another name."""
    stem = photo.stem if face == 1 else f"{photo.stem}-face{face}"
    known, name, number = desk.studio.portraits(), stem, 1
    while name in known or (name in jobs and jobs[name].active):
        number += 1
        name = f"{stem}-{number}"
    studio = desk.studio
    config = studio.config or speed
    named = uploads.copied(photo, name)
    jobs[name] = Job(named, studio.folder, config, studio.overrides, face)


def aligned_faces(photo: Path) -> list[str]:
    """The largest faces of a photograph as they would be embedded, addresses that hold
    small pictures.

    Raises:
        PieError: it shows none.
    """
    fetch.ensure(LANDMARKS68)
    photo_u8 = images.read(photo)
    count = max(1, min(len(faces.detect(photo_u8)), _FACES))
    found = []
    for face in range(1, count + 1):
        aligned_u8 = portraits.from_photo(photo_u8, photo.name, face).aligned_u8
        step = len(aligned_u8) // _THUMB
        found.append(as_url(np.ascontiguousarray(aligned_u8[::step, ::step])))
    return found
