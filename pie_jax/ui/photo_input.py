"""Where a photograph is dropped or chosen."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import events, ui

from pie_jax.core.errors import PieError, explain
from pie_jax.ui import uploads
from pie_jax.ui.desk import Desk


def photo_input(
    desk: Desk,
    label: str,
    use: Callable[[Path], Awaitable[None]],
    place: str = uploads.FOLDER,
) -> None:
    """Takes a photograph, keeps it (`uploads.keep`), and hands it on.

    Args:
        desk: is told what is wrong.
        label: what people read.
        use: is called with the file.
        place: the folder among the portraits where it is kept.
    """

    async def take(event: events.UploadEventArguments) -> None:
        upload.reset()
        try:
            content = await event.file.read()
            name, folder = event.file.name, desk.studio.folder / place
            photo = await asyncio.to_thread(uploads.keep, folder, name, content)
        except (PieError, OSError) as error:
            desk.tell("problem", explain(error))
            return
        await use(photo)

    upload = ui.upload(
        auto_upload=True,
        max_file_size=uploads.MAX_BYTES,
        on_upload=take,
        on_rejected=lambda: desk.tell("problem", "pictures of up to 64 MB are taken"),
    )
    upload.props('accept="image/*"').classes("hidden")
    # The component itself names neither its input nor its buttons.
    pick = ui.button(
        label, icon="upload", on_click=lambda: upload.run_method("pickFiles")
    )
    pick.props("outline no-caps").classes("w-full")
