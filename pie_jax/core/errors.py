"""The one exception that stands for a problem the user can mend."""

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
