"""Resumable state of a running embedding, kept by Orbax.

A checkpoint is complete or absent: Orbax writes it under a temporary name and renames
it, so a process killed at any moment leaves the one before.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import orbax.checkpoint as ocp
from etils import epath

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, locks, orbax_paths, reading


class Checkpoints:
    """The checkpoints of one run, in a folder of their own; a context manager."""

    def __init__(self, folder: Path):
        self._folder = folder
        with ExitStack() as contexts:
            with atomic.explained(folder):
                locks.make_folder(folder)
                place = contexts.enter_context(orbax_paths.plain(folder))
            with self._explained():
                self._manager = ocp.CheckpointManager(
                    epath.Path(place),
                    options=ocp.CheckpointManagerOptions(
                        max_to_keep=1, enable_async_checkpointing=False
                    ),
                )
            contexts.callback(self._manager.close)
            self._contexts = contexts.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: PYI036  as ExitStack takes them
        try:
            with atomic.explained(self._folder, Exception):
                self._contexts.__exit__(*error)
        except PieError:
            if not any(error):
                raise  # else what failed first is told
        finally:
            for left in self._folder.glob("*.orbax-checkpoint-tmp*"):
                atomic.remove(left)  # of a save that failed
            with suppress(OSError):  # something was saved, or all of it deleted
                self._folder.rmdir()

    def save(self, step: int, state: Any, record: dict[str, Any]) -> None:
        """Saves after `step` steps: a pytree of arrays, and a JSON-able record.

        Raises:
            PieError: the disk is full or the folder is not writable.
        """
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state), record=ocp.args.JsonSave(record)
        )
        with atomic.explained(self._folder, Exception):
            self._manager.save(step, args=items, force=True)

    def latest(self, template: Callable[[dict[str, Any]], Any]) -> tuple | None:
        """The last saved (state, record), or None when nothing was saved.

        Args:
            template: from the record to the pytree of `jax.ShapeDtypeStruct` of the
                state, so that it comes back in its own classes.

        Raises:
            PieError: the files are damaged.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        with self._explained():
            record = self._restore(step, record=ocp.args.JsonRestore())
            restore = ocp.args.StandardRestore(template(record))
            return self._restore(step, state=restore), record

    def _explained(self) -> AbstractContextManager[None]:
        remedy = "Remove that folder to begin anew."
        name = f"the checkpoint in {self._folder}"
        return reading.explained(name, "is damaged", remedy)

    def _restore(self, step: int, **item: Any) -> Any:
        (name,) = item
        return self._manager.restore(step, args=ocp.args.Composite(**item))[name]

    def delete(self) -> None:
        """Removes them all: the run has ended and its results are written."""
        shutil.rmtree(self._folder, ignore_errors=True)
