"""`pie synthesize`: runs the generator on a code."""

import argparse
from pathlib import Path

from pie_jax.cli import config as configuration
from pie_jax.core.errors import PieError

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
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("code", type=Path, metavar="CODE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--space",
        choices=("w", "w_plus"),
        help="what a file of shape (num_ws, 512) holds: num_ws codes in W, or one in W+",
    )
    configuration.add_arguments(parser)
    # Without one, a folder's own generator is taken.
    parser.set_defaults(run=run, config=None)


def run(args: argparse.Namespace) -> int:
    """Synthesises one image, or several from a file of several codes."""
    import jax
    import numpy as np
    from tqdm import tqdm

    from pie_jax.cli import inputs, runtime
    from pie_jax.io import images

    # What can be told from the names is told before anything is fetched.
    images.check_destination(args.out, (".png", ".npy"))
    config = inputs.load_config(args.code, args.config, args.overrides)
    if args.out.exists() and args.out.samefile(args.code):
        raise PieError(f"{args.out}: would replace the code; choose another name")
    assembled, params = runtime.start(config, parts=("generator",))
    generator = assembled.generator
    w_plus = inputs.load_w_plus(args.code, generator.num_ws, config, args.space)
    synthesis = jax.jit(generator.synthesis)
    raw = args.out.suffix.lower() == ".npy"
    kept = []
    for i, code in enumerate(tqdm(w_plus, unit="image", disable=len(w_plus) == 1)):
        image = np.asarray(synthesis(params["generator"], code[None]))[0]
        if not np.isfinite(image).all():
            raise PieError(f"{args.code}: lies so far out that no image comes of it")
        if raw:
            kept.append(image)
            continue
        name = f"{args.out.stem}-{i}.png" if len(w_plus) > 1 else args.out.name
        images.write_png(args.out.with_name(name), images.to_u8(image))
    if raw:
        images.write_npy(args.out, np.stack(kept))
    return 0
