"""What every script of this folder has: its options, and how it begins and ends."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pie_jax.core.errors import PieError
from pie_jax.stack import huge_pages

_COMMON: dict[str, dict[str, Any]] = {
    "samples": {"type": Path, "required": True, "help": "their folder"},
    "edits": {"type": Path, "help": "a folder of edits of the samples"},
    "portraits": {"type": Path, "nargs": "*", "default": [], "help": "photographs"},
    "model": {"type": Path, "help": "default: the installed face model"},
    "mofa": {"type": Path, "help": "default: the installed MoFA"},
    "sheet": {"type": Path, "metavar": "FILE", "help": "picture to write"},
    "out": {"type": Path, "required": True, "help": "file or folder of the results"},
}


def parser(
    description: str | None, *common: str, **numbers: tuple[float, str]
) -> argparse.ArgumentParser:
    """The parser of a script's command line.

    Args:
        description: the script's docstring.
        common: options that several scripts have, of `_COMMON`.
        numbers: further options: their defaults, of whose type they are, and help.
    """
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in common:
        made.add_argument(f"--{name}", **_COMMON[name])
    for name, (default, words) in numbers.items():
        option = "--" + name.replace("_", "-")
        made.add_argument(option, type=type(default), default=default, help=words)
    return made


def run(main: Callable[[], None]) -> None:
    """Calls `main`; what a person can mend is one line on stderr, the status 1."""
    huge_pages.restart()
    try:
        main()
    except (PieError, OSError) as error:
        sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: {error}")
