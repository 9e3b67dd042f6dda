"""The page: the picture in the middle, panels beside it; below it on a narrow screen."""

from nicegui import ui

from pie_jax.editing.refine import STEPS
from pie_jax.ui import (
    embedding,
    export,
    expression,
    keys,
    light,
    portraits,
    pose,
    reference,
    steps,
)
from pie_jax.ui.desk import Desk
from pie_jax.ui.drawing import Pace, Shown
from pie_jax.ui.job import Job
from pie_jax.ui.picture import Stage
from pie_jax.ui.studio import Studio

TITLE = "pie: portrait editor"
_STYLE = """
.stage { max-width: min(100%, calc(100vh - 11rem)); margin: 0 auto; }
.stage img { user-select: none; -webkit-user-drag: none; }
.nicegui-content { padding: 0.5rem; }
.q-loading-bar { display: none; }
.q-tab { padding: 0 0.5rem; min-width: 0; }
"""


def build(studio: Studio, jobs: dict[str, Job]) -> None:
    """Builds one tab's page."""
    ui.add_css(_STYLE)
    ui.dark_mode(True)
    ui.page_title(TITLE)
    status = _Status()
    desk = Desk(studio, status.tell)
    ui.context.client.on_delete(desk.close)

    async def pick(name: str) -> None:
        if await desk.open(name):
            tabs.set_value("Pose")

    with ui.row().classes("w-full items-start gap-4"):
        with ui.element("div").classes("grow min-w-[300px] basis-0"):
            with ui.row().classes("w-full items-center gap-2"):
                ui.label("pie").classes("text-lg font-bold").props(
                    "role=heading aria-level=1"
                )
                steps.buttons(desk)
                _switches(desk)
                ui.button(icon="help_outline", on_click=keys.show).props(
                    'flat round dense aria-label="Keys"'
                )
            stage = Stage(desk)
            status.build()
        with ui.element("div").classes("w-[400px] max-w-full"):
            names = ["Portraits", "Pose", "Expression", "Light", "More", "Save"]
            with ui.tabs().props("dense no-caps inline-label shrink") as tabs:
                for name in names:
                    ui.tab(name)
            with ui.tab_panels(tabs, value="Portraits", keep_alive=True).classes(
                "w-full"
            ):
                with ui.tab_panel("Portraits"):
                    look = portraits.panel(desk, pick)
                    embedding.panel(desk, jobs)
                with ui.tab_panel("Pose"):
                    pose.panel(desk)
                with ui.tab_panel("Expression"):
                    expression.panel(desk)
                with ui.tab_panel("Light"):
                    light.panel(desk)
                with ui.tab_panel("More"):
                    steps.panel(desk)
                    reference.panel(desk)
                with ui.tab_panel("Save"):
                    export.panel(desk)
    status.embedded = look
    desk.view(status.drawn)
    keys.listen(
        desk,
        {
            "c": stage.toggle_before,
            "w": stage.toggle_mesh,
            "g": lambda: desk.choose(keep_background=not desk.options.keep_background),
            "f": lambda: desk.choose(refine=0 if desk.options.refine else STEPS),
            "s": lambda: export.save(desk),
            "?": keys.show,
        },
    )


def _switches(desk: Desk) -> None:
    """How to edit: refined, before which background."""
    refine = ui.switch("Refine", value=True)
    refine.on_value_change(
        lambda event: desk.choose(refine=STEPS if event.value else 0)
    )
    keep = ui.switch("Photograph's background", value=True)
    keep.on_value_change(lambda event: desk.choose(keep_background=event.value))

    def follow() -> None:
        refine.set_value(desk.options.refine > 0)
        keep.set_value(desk.options.keep_background)

    desk.listen(follow)


class _Status:
    """What is said below the picture, and messages."""

    def __init__(self) -> None:
        self.embedded = lambda: None
        self._line: ui.label | None = None

    def build(self) -> None:
        with ui.row().classes("w-full"):
            self._line = ui.label("Pick a portrait, or upload a photograph.")
            self._line.classes("text-sm").props("role=status aria-live=polite")

    def tell(self, kind: str, words: str) -> None:
        if self._line is None:
            return
        if kind == "embedded":
            self.embedded()
            words = f"{words} is embedded"
        self._line.set_text(words)
        if kind == "problem":
            with self._line:
                ui.notify(words, type="negative", multi_line=True, timeout=8000)

    def drawn(self, shown: Shown) -> None:
        if shown.pace >= Pace.SHOT:
            self.tell("news", steps.described(shown.wish.request))
