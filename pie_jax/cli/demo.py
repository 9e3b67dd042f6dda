"""`pie demo`: the whole way on a sample portrait."""

import argparse
from pathlib import Path

EXAMPLES = """examples:
  pie demo
  pie demo --out somewhere

The portrait is one that scikit-image ships: the astronaut Eileen Collins (NASA, public
domain). Fetching the weights takes about 200 MB, once; the rest six to eight minutes on
two CPU cores. At the end is a sheet of the portrait in other poses, expressions and
lights.
"""


_SHOWN = 256  # pixels on a side of each picture of the sheet


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="embed and edit a sample portrait",
        description="Fetches the weights, embeds a sample portrait and edits it.",
        epilog=EXAMPLES,
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
    """Embeds the sample, edits it, and says where the pictures are."""
    from pie_jax.stack import configuration
    from pie_jax.workflows import embed, sheet
    from pie_jax.workflows.shoot import Options

    config = configuration.load(configuration.DEFAULT)
    outcome = embed.embed_photos([sample()], args.out, config)
    for folder in outcome.folders:
        made = sheet.make(folder, config, Options(), _SHOWN)
        sheet.write(folder / "sheet.png", made)
        print(f"The photograph, aligned:   {folder / 'aligned.png'}")
        print(f"What the generator makes:  {folder / 'projection.png'}")
        print(f"How it got there:          {folder / 'convergence.png'}")
        print(f"Turned, smiling, relit:    {folder / 'sheet.png'}")
        print(
            f"The code and the figures:  {folder / 'code'}, {folder / 'metrics.json'}"
        )
    return 1 if outcome.failed else 0


def sample() -> Path:
    """The sample portrait's file."""
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"
