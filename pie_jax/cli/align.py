"""`pie align`: cuts a face out of a photograph as FFHQ does."""

import argparse
import json
from pathlib import Path

EXAMPLES = """examples:
  pie align holiday.jpg --out face.png
  pie align wedding.jpg --face 2 --out bride.png    the second largest face
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds this command to `pie`."""
    parser = subparsers.add_parser(
        "align",
        help="cut a face out of a photograph, aligned as in FFHQ",
        description=(
            "Finds a face in PHOTO and writes it aligned as in FFHQ, 1024 x 1024 "
            "pixels. Where the crop lies in the photograph is kept in the PNG's text "
            "chunk pie_alignment."
        ),
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "photo", metavar="PHOTO", type=Path, help="any JPEG, PNG, WebP, TIFF, ..."
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="the PNG to write"
    )
    parser.add_argument(
        "--face",
        metavar="N",
        type=int,
        help="which face, by size: 1 is the largest (default: 1, with a warning if "
        "there are several)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Aligns `args.photo` into `args.out`; the exit status."""
    from pie_jax.core.errors import PieError
    from pie_jax.io import images
    from pie_jax.photos import portraits
    from pie_jax.stack import fetch, registry

    # What can be told from the names is told before anything is fetched.
    images.check_source(args.photo)
    images.check_destination(args.out)
    if args.out.exists() and args.out.samefile(args.photo):
        raise PieError(f"{args.out}: would replace the photograph; choose another name")
    fetch.ensure(registry.LANDMARKS68)
    portrait = portraits.load_portrait(args.photo, args.face)
    record = json.dumps(portrait.alignment.to_dict())
    images.write_png(
        args.out, portrait.aligned_u8, text={portraits.ALIGNMENT_TEXT: record}
    )
    print(args.out)
    return 0
