"""The one exception that stands for a problem the user can mend; and all others."""


class PieError(Exception):
    """Something outside the program is wrong: a file, a flag, the network, the disk.

    The message is shown to the user as it is, without a traceback. It says what was
    expected, what came instead, and what to do about it.
    """


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
