"""`pie fit`: finds shape, colour, pose, expression and light of a face."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pie_jax.cli import config as configuration
from pie_jax.cli.counts import count

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
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    parser.add_argument(
        "--face", type=int, metavar="N", help="which face, 1 the largest (default)"
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="the photograph is aligned already, as `pie align` leaves it",
    )
    configuration.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fits the face of `args.photo` into `args.out`; the exit status."""
    from pie_jax.cli import reconstruct, runtime, shipped
    from pie_jax.cli.shipped import Estimator
    from pie_jax.core.errors import PieError
    from pie_jax.io import images, portraits

    # What can be told without the networks is told before anything is fetched.
    images.check_source(args.photo)
    record_path = args.out / "theta.json"
    config = configuration.load(args.config, args.overrides)
    with _folder(args.out):
        assembled, params = runtime.start(
            config, "landmarks68", parts=("mofa", "face_model")
        )
        if assembled.estimate is None:
            raise PieError("config.mofa is empty; name what estimates the face")
        model = params["face_model"]
        estimator = Estimator(assembled.estimate, params["mofa"])
        if config.mofa != "deep3d":  # what is published stays as it is
            estimator = shipped.corrected(estimator, model)
        read = portraits.load_aligned if args.aligned else portraits.load_portrait
        portrait = read(args.photo, args.face)
        fitted = reconstruct.fit(model, estimator, portrait, args.refine)
        # Numbers of another face must not lie beside this one's pictures.
        record_path.unlink(missing_ok=True)
        reconstruct.write_pictures(args.out, model, fitted.theta, portrait.aligned_u8)
        record = {
            "photo": args.photo.name,
            **reconstruct.describe(model, fitted),
            "refine": args.refine,
            "face_model": runtime.face_model_record(config),
            "alignment": portrait.alignment.to_dict(),
        }
        reconstruct.write_record(record_path, record)
    print(args.out)
    return 0


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """A writable folder, which is gone afterwards if it was made for nothing."""
    from pie_jax.io import atomic, results

    made = not folder.exists()
    results.make_folder(folder)
    atomic.clear(folder)
    try:
        yield
    finally:
        if made:
            results.remove_if_empty(folder)
