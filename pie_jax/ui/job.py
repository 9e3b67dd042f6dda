"""An embedding that runs beside the editor, whoever looks at it."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pie_jax.core.errors import explain
from pie_jax.stack import configuration
from pie_jax.ui.studio import as_url
from pie_jax.workflows.embed import embed_photos
from pie_jax.workflows.watch import Step, Stopped

_LOOK_EVERY = 5.0
"""Seconds between two pictures of it, each of which takes half a second."""

_ONE_BY_ONE = ThreadPoolExecutor(1, thread_name_prefix="embedding")


class Job:
    """One photograph's embedding.

    Attributes:
        photo: what is embedded.
        state: "waiting", "running", "stopping", "done", "stopped" or "failed".
        step: how far it is; None before the first.
        picture: an address that holds the last picture; "" before the first.
        problem: what failed.
    """

    def __init__(
        self,
        photo: Path,
        out: Path,
        config: str,
        overrides: list[str],
        face: int | None,
    ):
        """Begins, or goes on with what a stopped one left, when others are done.

        Args:
            photo: the photograph.
            out: the folder of the portraits.
            config: of the embedding.
            overrides: `--config.a.b=value` each.
            face: which one, 1 the largest.
        """
        self.photo, self.state, self.problem = photo, "waiting", ""
        self.step: Step | None = None
        self.picture = ""
        self._out, self._face = out, face
        self._config, self._overrides = config, overrides
        self._stop = threading.Event()
        self._looked = self._began = time.monotonic()
        self._first = 0
        self._future = _ONE_BY_ONE.submit(self._run)

    def stop(self) -> None:
        """Ends it soon; the next job of the same photograph goes on from there."""
        self._stop.set()
        if self._future.cancel():
            self.state = "stopped"
        elif self.state == "running":
            self.state = "stopping"

    @property
    def active(self) -> bool:
        """Whether it runs, or is to."""
        return self.state in ("waiting", "running", "stopping")

    def again(self) -> "Job":
        """Another one of the same photograph, which goes on from there."""
        return Job(self.photo, self._out, self._config, self._overrides, self._face)

    @property
    def seconds_left(self) -> float | None:
        """By the time that this work's steps so far have taken, the embedding's or the own
        rig's; None before there are any."""
        if self.step is None or self.step.done <= self._first:
            return None
        each = (time.monotonic() - self._began) / (self.step.done - self._first)
        return each * (self.step.total - self.step.done)

    def _run(self) -> None:
        self.state = "running"
        try:
            self._watch(None)
            config = configuration.load(self._config, self._overrides)
            done = embed_photos(
                [self.photo], self._out, config, face=self._face, watch=self._watch
            )
            self.state = "failed" if done.failed else "done"
            self.problem = "; ".join(done.problems)
        except Stopped:
            self.state = "stopped"
        except Exception as error:  # noqa: BLE001  the card says it
            self.state, self.problem = "failed", explain(error)

    def _watch(self, step: Step | None) -> None:
        if self._stop.is_set():
            raise Stopped("it was cancelled")
        if step is None:
            return
        if self.step is None or step.total != self.step.total:
            self._began, self._first = time.monotonic(), step.done
        self.step = step._replace(picture=None)  # which holds all networks
        if step.picture is not None and time.monotonic() - self._looked > _LOOK_EVERY:
            self.picture = as_url(step.picture())
            self._looked = time.monotonic()


def close(jobs: Iterable[Job]) -> None:
    """Ends all, so that the program can end; each can be resumed."""
    for job in jobs:
        job.stop()
    _ONE_BY_ONE.shutdown(wait=False, cancel_futures=True)
