"""`pie sheet`: what an embedded portrait looks like in other poses and lights."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments
from pie_jax.cli.arguments import count

EXAMPLES = """examples:
  pie sheet embedded/anna
  pie sheet embedded/anna --feedback 0 --out anna.png

The sheet has seven poses, two nods, five expressions and five lights beside the
photograph and its projection. It says in its metadata that it is synthetic. Edit
portraits only of people who agreed to it.
"""

FEEDBACK = 1
"""Rounds. With three, expressions are overdone, for the estimate of small ones is
uncertain, and the person suffers."""


_SMALLEST = 16


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie sheet`."""
    parser = subparsers.add_parser(
        "sheet",
        help="show an embedded portrait in other poses, expressions and lights",
        description="Makes a contact sheet of edits of an embedded portrait.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "source", metavar="DIR/STEM", type=Path, help="a portrait's folder"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PNG",
        help="the sheet's file (default: DIR/STEM/sheet.png)",
    )
    parser.add_argument(
        "--feedback",
        type=count,
        default=FEEDBACK,
        metavar="N",
        help=f"rounds that correct what was not achieved (default: {FEEDBACK})",
    )
    parser.add_argument(
        "--size",
        type=count,
        default=256,
        metavar="PIXELS",
        help="of each picture (default: 256)",
    )
    # Without a configuration, the portrait's own generator is taken.
    arguments.add_config(parser, default=None)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes one sheet; the exit status."""
    from pie_jax.core.errors import PieError
    from pie_jax.workflows import inputs, sheet
    from pie_jax.workflows.shoot import Options

    if args.size < _SMALLEST:
        raise PieError(f"--size is {args.size}; it must be at least {_SMALLEST}")
    inputs.check_portrait(args.source)
    out = args.out or args.source / "sheet.png"
    if not out.parent.is_dir():
        raise PieError(f"{out.parent}: there is no such folder")
    config = inputs.load_config(args.source, args.config, args.overrides)
    options = Options(feedback=args.feedback)
    sheet.write(out, sheet.make(args.source, config, options, args.size))
    print(out)
    return 0
