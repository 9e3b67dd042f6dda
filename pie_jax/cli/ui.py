"""`pie ui`: the editor in the browser."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments
from pie_jax.core.errors import PieError

EXAMPLES = """examples:
  pie ui                      portraits in the folder `embedded`
  pie ui portraits --port 8090
  pie ui portraits --no-browser          only prints the address

Drag the picture to turn the head; ? lists the keys. Photographs may be uploaded and
embedded there. The page is for this machine alone; with --host 0.0.0.0 others may
open it who know the token in the address that is printed.

It needs the extra `ui`; in the checkout: python -m pip install ".[ui]"
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie ui`."""
    parser = subparsers.add_parser(
        "ui",
        help="edit portraits in the browser",
        description="Serves an editor of embedded portraits to the browser.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("embedded"),
        metavar="DIR",
        help="folder of portraits (default: embedded)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="open no browser"
    )
    arguments.add_config(parser, default=None)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    try:
        from pie_jax.ui import server
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("pie_jax"):
            raise
        raise PieError(
            'the editor needs the extra `ui`; in the checkout: python -m pip install ".[ui]"'
        ) from error
    server.serve(
        args.folder,
        host=args.host,
        port=args.port,
        browser=args.browser,
        config=args.config,
        overrides=args.overrides,
    )
    return 0
