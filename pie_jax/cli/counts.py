"""How many, as a word on the command line."""

import argparse


def count(text: str) -> int:
    """Reads a number of steps or rounds, for argparse's `type`.

    Raises:
        argparse.ArgumentTypeError: it is no whole number, or below 0.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"a number was expected, 0 or more, and {text!r} came"
        )
    return int(text)
