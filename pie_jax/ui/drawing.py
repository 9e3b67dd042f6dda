"""Draws what is wanted now: one picture after another, and never what was wanted before.

While a hand moves pictures are small and made by the rigs alone. When it rests they are
full, then looked at and put before the photograph's background, then refined; another
wish ends that at any moment.
"""

import asyncio
import dataclasses
import enum
import logging
import time
from collections.abc import Awaitable, Callable

from pie_jax.core.errors import explain
from pie_jax.ui.studio import Opened, Picture, Studio
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options
from pie_jax.workflows.watch import Step, Stopped

_log = logging.getLogger(__name__)


class Pace(enum.IntEnum):
    """How much time a picture may take."""

    MOVING = 0
    FULL = 1
    SHOT = 2
    REFINED = 3


@dataclasses.dataclass(frozen=True)
class Wish:
    """A picture that somebody wants.

    Attributes:
        request: the edit.
        options: how to edit, when the hand rests.
        last: how far it is to come.
    """

    request: Request
    options: Options
    last: Pace


@dataclasses.dataclass(frozen=True)
class Shown:
    """A picture that was drawn.

    Attributes:
        wish: for which.
        pace: how.
        picture: itself.
        seconds: since it was wanted.
    """

    wish: Wish
    pace: Pace
    picture: Picture
    seconds: float


class Drawing:
    """The pictures of one browser tab."""

    def __init__(
        self,
        studio: Studio,
        opened: Opened,
        show: Callable[[Shown], Awaitable[None]],
        tell: Callable[[str, str], None],
    ):
        """Begins without a wish.

        Args:
            studio: where is drawn.
            opened: the portrait.
            show: takes what was drawn.
            tell: `(kind, words)` takes "problem", or "progress" of what takes long.
        """
        self._studio, self._opened = studio, opened
        self._show, self._tell = show, tell
        self._wish: Wish | None = None
        self._since = 0.0
        self._news = asyncio.Event()

    def want(self, wish: Wish) -> None:
        """From now on this is wanted, and nothing that was wanted before."""
        if wish == self._wish:
            return  # it is being drawn, or was
        self._wish, self._since = wish, time.monotonic()
        self._news.set()

    async def run(self) -> None:
        """Draws until it is cancelled, which ends what is being drawn as well."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                wish, since = self._wish, self._since
                if wish is not None:
                    await self._draw(wish, since)
        finally:
            self._wish = None

    async def _draw(self, wish: Wish, since: float) -> None:
        first = Pace.MOVING if wish.last is Pace.MOVING else Pace.FULL
        for pace in range(first, wish.last + 1):
            try:
                picture = await self._made(wish, Pace(pace))
                seconds = time.monotonic() - since
                await self._show(Shown(wish, Pace(pace), picture, seconds))
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001  one picture ends no tab
                _log.debug("It happened here:", exc_info=error)
                self._tell("problem", explain(error))
                if self._wish is wish:
                    self._wish = None  # the same again is another attempt
                return
            if self._wish is not wish:
                return

    async def _made(self, wish: Wish, pace: Pace) -> Picture:
        loop = asyncio.get_running_loop()
        urgent = pace is Pace.MOVING
        while True:
            try:
                return await self._studio.work(
                    self._picture, wish, pace, loop, urgent=urgent
                )
            except _Hurried:
                continue  # begins again behind the other tab's

    def _picture(
        self, wish: Wish, pace: Pace, loop: asyncio.AbstractEventLoop
    ) -> Picture:
        """In the studio's thread."""
        if self._wish is not wish and pace is not Pace.MOVING:
            raise Stopped("another picture is wanted")
        if pace <= Pace.FULL:
            return self._opened.live(wish.request, small=pace is Pace.MOVING)
        refine = wish.options.refine if pace is Pace.REFINED else 0
        options = dataclasses.replace(wish.options, refine=refine)

        def watch(step: Step) -> None:
            if self._wish is not wish:
                raise Stopped("another picture is wanted")
            if self._studio.hurried:
                raise _Hurried("another tab's hand moves")
            words = f"refined {step.done} of {step.total}"
            loop.call_soon_threadsafe(self._tell, "progress", words)

        return self._opened.shoot(wish.request, options, watch)


class _Hurried(Exception):
    """Somebody else's picture is urgent."""
