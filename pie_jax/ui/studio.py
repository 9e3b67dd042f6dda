"""The portraits of a folder, opened to be edited, and the one thread that computes.

All tabs share it: networks are there once, and two computations at once would only
take turns.
"""

import asyncio
import base64
import dataclasses
import io
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.core.theta import COMPONENTS, FaceParams
from pie_jax.face import morphable
from pie_jax.io.results import METRICS
from pie_jax.workflows import edit_record, inputs, requests
from pie_jax.workflows.editable import Editable, open_portrait, thetas_of
from pie_jax.workflows.live import Live
from pie_jax.workflows.requests import Request
from pie_jax.workflows.shoot import Options, Shot, shoot
from pie_jax.workflows.watch import Watch

_OPEN = 2
"""Portraits that are kept opened: each holds a generator, 30 MB, and pictures."""
_QUALITY = 90
"""Of JPEGs on the way to the browser."""

T = TypeVar("T")
_Work = tuple[Future, Callable[..., Any], tuple]


class Picture(NamedTuple):
    """A picture on its way to the browser.

    Attributes:
        url: holds all of it.
        size: pixels on a side.
        target: `[1]`, the theta that was asked for.
        amounts: what the target has of all that can be asked for, by name; None while
            a hand moves.
        achieved: `[1]`, what is seen; None where nobody looked.
    """

    url: str
    size: int
    target: FaceParams
    amounts: dict[str, float] | None = None
    achieved: FaceParams | None = None


class Opened:
    """A portrait that can be edited; to be used in the studio's thread."""

    def __init__(self, folder: Path, editable: Editable):
        """Prepares what moving pictures need."""
        self.folder, self.editable = folder, editable
        self._live = Live(editable)
        self._photos: dict[tuple, FaceParams] = {}
        self.own = editable.before.theta
        self.own_amounts = self.amounts(self.own)
        for small in (True, False):  # compiles, before anybody waits for it
            self.live(Request(), small=small)

    def live(self, request: Request, *, small: bool) -> Picture:
        """A moving picture (`workflows.live`)."""
        target = self.target(request)
        draw = self._live.small if small else self._live.full
        picture = Picture(*_sent(draw(target)), target)
        return picture if small else picture._replace(amounts=self.amounts(target))

    def shoot(self, request: Request, options: Options, watch: Watch) -> Picture:
        """A still picture (`workflows.shoot`)."""
        target = self.target(request, options.fit_steps)
        shot = shoot(self.editable, request, target, options, watch=watch)
        amounts, seen = self.amounts(shot.target), self._as_seen(shot, options)
        return Picture(*_sent(shot.picture_u8), shot.target, amounts, seen)

    def _as_seen(self, shot: Shot, options: Options) -> FaceParams:
        """The face where the picture shows it: turned, and before a held background in the
        portrait's place (`shoot.shown`)."""
        seen = shot.edited.theta_by_network
        rotation = seen.rotation.at[:, 2].add(shot.turned)
        place = seen.translation
        if options.keep_background:
            place = place.at[:, :2].set(self.own.translation[:, :2])
        return dataclasses.replace(seen, rotation=rotation, translation=place)

    def amounts(self, theta: FaceParams) -> dict[str, float]:
        """What a face `[1]` has of all that can be asked for, by name."""
        found = edit_record.units(self.editable, theta)
        known = {**found["degrees"], **found["expressions"], "intensity": 1.0}
        known |= {k: x for k, x in found["light"].items() if k != "colour"}
        for alias in morphable.names(self.editable.model):
            parts = morphable.units_of(self.editable.model, alias).items()
            known[alias] = sum(known[x] / share for x, share in parts) / len(parts)
        for kind, component in requests.RAW.items():
            values = np.asarray(getattr(theta, component))[0]
            known |= {f"{kind}{i}": float(x) for i, x in enumerate(values)}
        return known

    def target(self, request: Request, fit_steps: int = 0) -> FaceParams:
        """The theta `[1]` that is asked for."""
        given = {}
        for component, photo in request.photos.items():
            key = (component, photo, fit_steps)
            if key not in self._photos:
                found = thetas_of(self.editable, {component: photo}, fit_steps)
                self._photos[key] = found[component]
            given[component] = self._photos[key]
        # Not compiled as a whole: each other set of sliders would be another program.
        return requests.target(request, self.editable.model, self.own, given)


class Studio:
    """A folder of portraits."""

    def __init__(
        self, folder: Path, config: str | None = None, overrides: Sequence[str] = ()
    ):
        """Opens nothing yet.

        Args:
            folder: of results of `pie embed`.
            config: of the portraits' generators and of embeddings; without it each
                portrait's own, and what is chosen.
            overrides: `--config.a.b=value` each.
        """
        self.folder, self.config, self.overrides = folder, config, list(overrides)
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._waiting: deque[_Work] = deque()
        self._urgent: deque[_Work] = deque()

    def portraits(self) -> list[str]:
        """The names of what was embedded there."""
        found = self.folder.glob(f"*/{METRICS}") if self.folder.is_dir() else []
        return sorted(x.parent.name for x in found if (x.parent / "code").is_dir())

    @property
    def hurried(self) -> bool:
        """Whether something urgent waits."""
        return bool(self._urgent)

    async def work(
        self, function: Callable[..., T], *args: Any, urgent: bool = False
    ) -> T:
        """Calls a function in the thread that computes, when it has time.

        Args:
            function: what is called.
            args: with these.
            urgent: before all that waits and is not.
        """
        done: Future[T] = Future()
        (self._urgent if urgent else self._waiting).append((done, function, args))
        self._thread.submit(self._next)
        return await asyncio.wrap_future(done)

    def _next(self) -> None:
        done, function, args = (self._urgent or self._waiting).popleft()
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(function(*args))
        except BaseException as error:  # noqa: BLE001  whoever waits gets it
            done.set_exception(error)

    def close(self) -> None:
        """Begins nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def open(self, name: str) -> Opened:
        """A portrait, to be edited.

        Raises:
            PieError: it is not there, or damaged.
        """
        return await self.work(self._open, name)

    def _open(self, name: str) -> Opened:
        if name not in self.portraits():
            raise PieError(f"there is no portrait {name} any more in {self.folder}")
        place = self.folder / name
        if name not in self._opened:
            config = inputs.load_config(place, self.config, self.overrides)
            editable = open_portrait(place, config, COMPONENTS, refine=True)
            self._opened[name] = Opened(place, editable)
        self._opened.move_to_end(name)
        while len(self._opened) > _OPEN:
            self._opened.popitem(last=False)
        return self._opened[name]

    async def forget(self, name: str) -> None:
        """Its next `open` reads it anew."""
        await self.work(self._opened.pop, name, None)


def as_url(picture_u8: np.ndarray) -> str:
    """A picture as an address that holds all of it: `[H, W, 3]` uint8 RGB as JPEG,
    `[H, W, 4]` RGBA as PNG."""
    kind = "jpeg" if picture_u8.shape[-1] == 3 else "png"
    buffer = io.BytesIO()
    Image.fromarray(picture_u8).save(buffer, kind, quality=_QUALITY)
    content = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{kind};base64,{content}"


def _sent(picture_u8: np.ndarray) -> tuple[str, int]:
    return as_url(picture_u8), len(picture_u8)
