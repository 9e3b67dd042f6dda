"""The one exception that stands for a problem the user can mend; and all others."""

_LONGEST = 300


class PieError(Exception):
    """Something outside the program is wrong: a file, a flag, the network, the disk.

    The message is shown to the user as it is, without a traceback. It says what was
    expected, what came instead, and what to do about it.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def shown(name: object) -> str:
    """What a file calls something: on one line, and no longer than can be read."""
    text = str(name)[:_LONGEST]
    return printable(" ".join(text.splitlines()))


def printable(text: str) -> str:
    """The text with escapes for what would command a terminal: names come from files."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode()
        for c in text
    )


def explain(error: Exception) -> str:
    """What to tell the user of any exception, on one line."""
    text = str(error).partition("\n")[0]
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return (
            f"memory ran out ({text or type(error).__name__}): close other programs, or "
            "do fewer or smaller pictures at once"
        )
    if isinstance(error, PieError | OSError):
        return str(error)
    return f"{type(error).__name__}: {text}; --debug shows where it happened"
