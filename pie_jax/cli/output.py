"""What a command prints, which never stops its work."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from pie_jax.core.errors import printable


class _Unfailing:
    """A stream that falls silent where it cannot be written to: its reader has gone, or
    its disk is full. What its encoding lacks is written as escapes, and so is, in a
    `plain` one, what would command a terminal."""

    def __init__(self, stream: TextIO, *, plain: bool):
        self._stream = stream
        self._plain = plain

    def write(self, text: str) -> int:
        try:
            encoding = self._stream.encoding or "utf-8"
            plain = printable(text) if self._plain else text
            known = plain.encode(encoding, "backslashreplace").decode(encoding)
            self._stream.write(known)
        except (OSError, ValueError):
            self._silence()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._silence()

    def _silence(self) -> None:
        # Else Python complains at its end about what it could not write.
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def unfailing() -> Iterator[None]:
    """Lets nothing that is printed in the block raise an error."""
    out, err = (stream or io.StringIO() for stream in (sys.stdout, sys.stderr))
    with (  # progress bars, on stderr, do command the terminal
        contextlib.redirect_stdout(cast(TextIO, _Unfailing(out, plain=True))),
        contextlib.redirect_stderr(cast(TextIO, _Unfailing(err, plain=False))),
    ):
        yield
