"""The server behind the page, on this machine alone unless it is told otherwise."""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from nicegui import app, ui

from pie_jax.core.errors import PieError
from pie_jax.io import results
from pie_jax.ui import job, page, uploads
from pie_jax.ui.guard import LOOPBACK, Guard
from pie_jax.ui.job import Job
from pie_jax.ui.studio import Studio

HISTORY = 200
"""Messages that a page which lost its connection gets again; each may hold a picture."""


_EVERYWHERE = ("0.0.0.0", "::")
_AWAY = 120.0
"""Seconds for which a page that lost its connection keeps its edits."""


def serve(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    config: str | None = None,
    overrides: Sequence[str] = (),
) -> None:
    """Serves the editor until it is interrupted, and prints its address.

    Args:
        folder: of portraits; made if missing.
        host: to bind; beyond loopback the address holds a token.
        port: 0 is a free one.
        browser: whether to open it.
        config: see `Studio`.
        overrides: likewise.

    Raises:
        PieError: the folder cannot be written to, or the port is taken.
    """
    results.make_folder(folder)
    port = _free_port(host, port)
    token = None if host in LOOPBACK else secrets.token_urlsafe(24)
    studio, jobs = Studio(folder, config, overrides), dict[str, Job]()

    @ui.page("/", title=page.TITLE)
    def index() -> None:
        page.build(studio, jobs)

    app.add_middleware(Guard, token=token, port=port, most=2 * uploads.MAX_BYTES)
    query = f"/?token={token}" if token else "/"
    app.on_startup(lambda: asyncio.create_task(_announce(host, port, query)))
    app.on_shutdown(lambda: job.close(jobs.values()))
    app.on_shutdown(studio.close)
    ui.run(
        host=host,
        port=port,
        show=query if browser else False,
        reload=False,
        title=page.TITLE,
        language="en-US",
        show_welcome_message=False,
        message_history_length=HISTORY,
        reconnect_timeout=_AWAY,
    )


async def _announce(host: str, port: int, query: str) -> None:
    """Prints the address as soon as it answers."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            break
    shown = socket.gethostname() if host in _EVERYWHERE else host
    shown = f"[{shown}]" if ":" in shown else shown
    print(f"http://{shown}:{port}{query}", flush=True)


def _free_port(host: str, port: int) -> int:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as found:
            return found.getsockname()[1]
    except OSError as error:
        raise PieError(
            f"{host}:{port} cannot be served ({error.strerror}); give another --port"
        ) from error
