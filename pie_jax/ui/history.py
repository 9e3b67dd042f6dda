"""What a person asked for, step by step."""

import dataclasses

from pie_jax.workflows.requests import Request

NOTHING = Request()


@dataclasses.dataclass(frozen=True)
class History:
    """Requests one after another, and which of them is shown.

    Attributes:
        steps: the first one asks for nothing.
        place: of what is shown in them.
        moving: what is asked for while a hand moves, and not yet a step.
    """

    steps: tuple[Request, ...] = (NOTHING,)
    place: int = 0
    moving: Request | None = None

    @property
    def shown(self) -> Request:
        """What is asked for."""
        return self.steps[self.place] if self.moving is None else self.moving

    @property
    def undoable(self) -> bool:
        """Whether there is a step before."""
        return self.place > 0

    @property
    def redoable(self) -> bool:
        """Whether there is a step after."""
        return self.place + 1 < len(self.steps)

    def move(self, request: Request) -> "History":
        """While a hand moves."""
        return dataclasses.replace(self, moving=request)

    def rest(self, request: Request | None = None) -> "History":
        """The hand rests: what it moved to, or another request, is a step; what was
        undone before is forgotten."""
        wanted = self.shown if request is None else request
        if wanted == self.steps[self.place]:
            return dataclasses.replace(self, moving=None)
        steps = (*self.steps[: self.place + 1], wanted)
        return History(steps, len(steps) - 1)

    def undo(self) -> "History":
        """The step before, if there is one; while a hand moves, that where it came."""
        if self.moving is not None:
            return History(self.steps, self.place)
        return History(self.steps, max(0, self.place - 1))

    def redo(self) -> "History":
        """The step after, if there is one."""
        return History(self.steps, min(len(self.steps) - 1, self.place + 1))

    def go(self, place: int) -> "History":
        """Another of the steps."""
        return History(self.steps, min(max(0, place), len(self.steps) - 1))
