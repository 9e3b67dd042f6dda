"""`pie export`: writes codes and faces for other programs."""

import argparse
from pathlib import Path
from typing import Any

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
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    from pie_jax.core.errors import PieError
    from pie_jax.io import images, meshes

    if not args.source.exists():
        raise PieError(f"{args.source}: there is no such folder or file")
    if args.source.is_dir():
        images.check_destination(args.out, (".npy", ".npz"))
        _export_code(args.source, args.out)
    else:
        images.check_destination(args.out, meshes.SUFFIXES)
        _export_face(args.source, args.out, args.posed)
    print(args.out)
    return 0


def _export_code(folder: Path, out: Path) -> None:
    import numpy as np

    from pie_jax.core.errors import PieError
    from pie_jax.io import atomic, codes

    code, _ = codes.load(folder)
    (array,) = code.values()  # w or w_plus
    try:
        with atomic.replacing(out) as file:
            if out.suffix.lower() == ".npz":
                np.savez(file, w=array[None])
            else:
                np.save(file, array[None])
    except OSError as error:
        raise PieError(f"{out}: cannot be written ({error.strerror}).") from error


def _export_face(record: Path, out: Path, posed: bool) -> None:
    import numpy as np

    from pie_jax.cli import runtime
    from pie_jax.face.surface import surface
    from pie_jax.io import meshes

    theta, chosen = _read_face(record)
    config = _face_model_config(record, chosen)
    _, params = runtime.start(config, parts=("face_model",))
    model = params["face_model"]
    vertices, colours = map(np.asarray, surface(model, theta, posed=posed))
    meshes.write(out, vertices, np.asarray(model.triangles), colours)


def _face_model_config(record: Path, chosen: dict[str, str]) -> Any:
    """A configuration with the face model that a record says it is of."""
    from pie_jax.cli import config as configuration
    from pie_jax.cli import runtime
    from pie_jax.core.errors import PieError

    config = configuration.load(configuration.DEFAULT)
    config.face_model = chosen.get("name", config.face_model)
    config.mofa = ""  # any of them may have estimated the numbers
    config.files.face_model = chosen.get("path", "")
    if chosen and runtime.face_model_record(config) != chosen:
        raise PieError(
            f"{record} is a face of the model in {chosen.get('path')}, which is another "
            "file now; make it again"
        )
    return config


def _read_face(path: Path) -> tuple[Any, dict[str, str]]:
    """Reads the face of `theta.json`, or the edited one of `edit.json`.

    Returns:
        `FaceParams`, and which face model it is of (`runtime.face_model_record`);
        nothing of that for records of the first versions.
    """
    import json

    import jax.numpy as jnp
    import numpy as np

    from pie_jax.core.errors import PieError
    from pie_jax.core.theta import SIZES, FaceParams

    try:
        record = json.loads(path.read_bytes())
        values = record["edit"]["theta"] if "edit" in record else record["theta"]
        parts = {name: np.asarray(values[name], np.float32) for name in SIZES}
        chosen = {k: str(x) for k, x in record.get("face_model", {}).items()}
    except OSError as error:
        raise PieError(f"{path} cannot be read: {error.strerror}") from error
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise PieError(
            f"{path} is neither theta.json of `pie fit` nor edit.json of one `pie edit` "
            f"({error!r})"
        ) from error
    for name, size in SIZES.items():
        if parts[name].shape != (size,) or not np.isfinite(parts[name]).all():
            raise PieError(f"{path}: {name} are not {size} finite numbers")
    theta = FaceParams(**{name: jnp.asarray(part) for name, part in parts.items()})
    return theta, chosen
