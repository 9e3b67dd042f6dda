"""The `pie` command: finds the subcommand, and turns errors into one line."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from pie_jax import __version__
from pie_jax.cli import (
    align,
    convert,
    demo,
    edit,
    embed,
    export,
    fit,
    output,
    sheet,
    synthesize,
    ui,
    weights,
)
from pie_jax.core.errors import PieError, explain, printable
from pie_jax.stack import huge_pages

COMMANDS = (
    align, embed, edit, ui, sheet, synthesize, fit, export, weights, convert, demo,
)  # fmt: skip

RUN_NETWORKS = (
    embed.run,
    edit.run,
    sheet.run,
    synthesize.run,
    fit.run,
    demo.run,
    ui.run,
)
"""What needs the allocator that `huge_pages` sets."""

INTERRUPTED = 130


class _Command(argparse.ArgumentParser):
    """Leaves the lines of descriptions and examples as they are."""

    def __init__(self, **options: Any):
        raw = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=raw, **options)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="pie",
        description="Embeds portrait photographs into a face generator, and edits them.",
        epilog="Start with: pie demo",
    )
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument(
        "--debug", action="store_true", help="show the traceback of an error"
    )
    subparsers = top.add_subparsers(
        metavar="COMMAND", required=True, parser_class=_Command
    )
    for command in COMMANDS:
        command.add_parser(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit status.

    0: done; 1: a problem that a message on stderr explains; 2: wrong usage; 130:
    interrupted from the keyboard.
    """
    with output.unfailing():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Anywhere on the line: argparse itself would take it before the command only.
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    # XLA's C++ notices (about CPU features, say) are not for the user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    top = parser()
    args, rest = top.parse_known_args(arguments)
    if hasattr(args, "overrides"):
        args.overrides = [x for x in rest if x.startswith("--config.")]
        rest = [x for x in rest if not x.startswith("--config.")]
    if rest:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if argv is None and args.run in RUN_NETWORKS:
        huge_pages.restart()
    if debug:
        logging.basicConfig()
        logging.getLogger("pie_jax").setLevel(logging.DEBUG)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print(
            "pie: interrupted; the same command goes on or begins anew", file=sys.stderr
        )
        return INTERRUPTED
    except (PieError, OSError, MemoryError, RuntimeError) as error:
        if debug:  # JAX's own errors are RuntimeErrors
            raise
        print(f"pie: {printable(explain(error))}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
