"""`pie export`: writes codes and faces for other programs."""

import argparse
from pathlib import Path

EXAMPLES = """examples:
  pie export embedded/face --out face.npz        the code, for other projects
  pie export embedded/face --out face.npy
  pie export fitted/theta.json --out face.ply    the face as a coloured mesh
  pie export fitted/theta.json --out face.obj --posed
  pie export embedded/face/edits/yaw20/edit.json --out turned.ply --posed

A code in W+ is written as (1, num_ws, 512), one in W as (1, 512); the .npz calls it w,
as the projector of stylegan2-ada-pytorch does. Meshes are in decimetres, x to the
viewer's right, y up, z towards the viewer, with the skin's colours without light.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie export`."""
    parser = subparsers.add_parser(
        "export",
        help="write a code or a face for other programs",
        description="Writes a code as NumPy arrays, or a fitted face as a mesh.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        type=Path,
        help="a folder that `pie embed` wrote, the theta.json of `pie fit`, or the "
        "edit.json of `pie edit`",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help=".npy or .npz for a code, .obj or .ply for a face",
    )
    parser.add_argument(
        "--posed",
        action="store_true",
        help="turn and move the mesh as the head in the photograph",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes `args.out`; the exit status."""
    from pie_jax.workflows import export

    export.export(args.source, args.out, posed=args.posed)
    print(args.out)
    return 0
