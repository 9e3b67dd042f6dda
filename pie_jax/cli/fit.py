"""`pie fit`: finds shape, colour, pose, expression and light of a face."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments
from pie_jax.cli.arguments import count

EXAMPLES = """examples:
  pie fit face.jpg --out fitted
  pie fit face.jpg --out fitted --refine 200        closer, some seconds more
  pie fit wedding.jpg --face 2 --out bride          the second largest face
  pie fit face.jpg --out fitted --config paper \\
      --config.files.mofa=deep3d.safetensors \\
      --config.files.face_model=bfm_front.safetensors     Deep3DFaceRecon

The folder gets overlay.png (the face model over the photograph), components.png
(photograph, geometry, albedo, shading), turntable.gif, and theta.json: all 257 numbers
by component, the pose in degrees, the expression as amounts of named units, the camera,
the errors. Results that are there already are replaced; theta.json comes last.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds this command to `pie`."""
    parser = subparsers.add_parser(
        "fit",
        help="find a face's shape, colour, pose, expression and light",
        description=(
            "Fits the morphable face model to a photograph: MoFA's estimate, corrected "
            "by landmarks and colours, and refined by gradient descent if asked for."
        ),
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "photo", metavar="PHOTO", type=Path, help="any JPEG, PNG, WebP, TIFF, ..."
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="folder of the results"
    )
    parser.add_argument(
        "--refine",
        metavar="N",
        type=count,
        default=0,
        help="steps of gradient descent after the estimate (default: none)",
    )
    arguments.add_alignment(parser)
    arguments.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fits the face of `args.photo` into `args.out`; the exit status."""
    from pie_jax.stack import configuration
    from pie_jax.workflows import fit

    config = configuration.load(args.config, args.overrides)
    fit.fit_photo(
        args.photo,
        args.out,
        config,
        num_steps=args.refine,
        face=args.face,
        aligned=args.aligned,
    )
    print(args.out)
    return 0
