"""Who watches long work, and may end it: an editor with its own progress bar, say."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from pie_jax.core.errors import PieError


class Stopped(PieError):
    """The watcher had enough; what can be resumed can be resumed."""


class Step(NamedTuple):
    """How far work has come.

    Attributes:
        done: steps.
        total: steps.
        terms: weighted terms of the energy, means over a group; PSNR in dB. None where
            there are no such.
        picture: draws the first portrait as it stands, `[S, S, 3]` uint8; slow.
    """

    done: int
    total: int
    terms: Mapping[str, float] | None = None
    picture: Callable[[], np.ndarray] | None = None


Watch = Callable[[Step], None]
"""Is called now and then between steps, and may raise `Stopped`."""


def nobody(step: Step) -> None:
    """Does not look."""
