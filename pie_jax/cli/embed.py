"""`pie embed`: finds the codes of photographs."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments
from pie_jax.core.errors import PieError

EXAMPLES = """examples:
  pie embed face.jpg --out embedded
  pie embed photos/*.jpg --out embedded --config.batch_size=2
  pie embed face.jpg --out paper --config paper_schedule
  pie embed face.jpg --out quick "--config.stages[1].num_steps=60"

For each photograph the folder OUT/<stem>/ gets aligned.png, projection.png, code/,
metrics.json, convergence.png and, where the energy turns heads, as by the default,
own_rig.safetensors. A run that was stopped, in whatever way, goes on when the same command
is given again; finished portraits are left as they are.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie embed`."""
    parser = subparsers.add_parser(
        "embed",
        help="find the generator's code of photographs",
        description="Finds the generator's code of each photograph by optimisation.",
        epilog=EXAMPLES,
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the results"
    )
    arguments.add_config(parser)
    arguments.add_alignment(parser)
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the results that are there, whatever they are of",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Embeds every photograph that can be read; 1 when any could not."""
    from pie_jax.stack import configuration
    from pie_jax.workflows import embed

    config = configuration.load(args.config, args.overrides)
    failed = embed.embed_photos(
        args.photos,
        args.out,
        config,
        face=args.face,
        aligned=args.aligned,
        overwrite=args.overwrite,
    ).failed
    if failed and len(args.photos) > 1:
        raise PieError(f"{len(failed)} of {len(args.photos)} photographs failed")
    return 1 if failed else 0
