"""`pie synthesize`: runs the generator on a code."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments

EXAMPLES = """examples:
  pie synthesize embedded/face --out face.png
  pie synthesize codes.npy --out images.npy
  pie synthesize projected_w.npz --out face.png --config stylegan2 \\
      --config.files.generator=stylegan2.safetensors

CODE is a folder that `pie embed` wrote, which says to what generator it belongs; or a
file of another project: .npy, .npz (one array, or one called w_plus, w, latents, ...)
or .pt (a tensor, or a projector's dictionary), of shape (512,), (n, 512) or (n, 1, 512)
in W, or (n, num_ws, 512) in W+. For (num_ws, 512) say --space.

An .npy output has shape (n, H, W, 3), RGB, about [-1, 1], not clipped. Several codes
give face-0.png, face-1.png, ...
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie synthesize`."""
    parser = subparsers.add_parser(
        "synthesize",
        help="turn a code into an image",
        description="Runs the generator on a code.",
        epilog=EXAMPLES,
    )
    parser.add_argument("code", type=Path, metavar="CODE")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a .png, or .npy"
    )
    parser.add_argument(
        "--space",
        choices=("w", "w_plus"),
        help="what a file of shape (num_ws, 512) holds: num_ws codes in W, or one in W+",
    )
    # Without a configuration, a folder's own generator is taken.
    arguments.add_config(parser, default=None)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Synthesises one image, or several from a file of several codes."""
    from pie_jax.workflows import synthesize

    synthesize.synthesize(
        args.code, args.out, args.config, args.overrides, space=args.space
    )
    return 0
