"""`pie demo`: the whole way on a sample portrait."""

import argparse
from pathlib import Path

EXAMPLES = """examples:
  pie demo
  pie demo --out somewhere

The portrait is one that scikit-image ships: the astronaut Eileen Collins (NASA, public
domain). Fetching the weights takes about 200 MB, once; the rest about five minutes on
two CPU cores.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="embed a sample portrait",
        description="Fetches the weights and embeds a sample portrait.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("pie-demo"),
        metavar="DIR",
        help="folder of the pictures (default: pie-demo)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Embeds the sample and says where the pictures are."""
    from pie_jax.cli import batch
    from pie_jax.cli import config as configuration

    config = configuration.load(configuration.DEFAULT)
    outcome = batch.embed_photos([sample()], args.out, config)
    for folder in outcome.folders:
        print(f"The photograph, aligned:   {folder / 'aligned.png'}")
        print(f"What the generator makes:  {folder / 'projection.png'}")
        print(f"How it got there:          {folder / 'convergence.png'}")
        print(
            f"The code and the figures:  {folder / 'code'}, {folder / 'metrics.json'}"
        )
    return 1 if outcome.failed else 0


def sample() -> Path:
    """The sample portrait's file."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"
