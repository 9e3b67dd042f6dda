"""Codes and faces for other programs."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import logging
from ml_collections import ConfigDict

from pie_jax.core.errors import PieError
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.face.surface import surface
from pie_jax.io import atomic, codes, images, meshes, reading
from pie_jax.stack import configuration
from pie_jax.stack.load import face_model_record, load, origins
from pie_jax.stack.uses import Use


def export(source: Path, out: Path, *, posed: bool = False) -> None:
    """Writes the code of a folder as arrays, or the face of a record as a mesh.

    Args:
        source: a folder that `pie embed` wrote; that of `pie fit` or `pie edit`, or the
            theta.json or edit.json in it.
        out: .npy or .npz for a code, .obj or .ply for a face.
        posed: whether the mesh is turned and moved as in the photograph.

    Raises:
        PieError: something cannot be read or written.
    """
    if not source.exists():
        raise PieError(f"{source}: there is no such folder or file")
    records = [source / name for name in ("theta.json", "edit.json")]
    records = [record for record in records if record.exists()]
    if records and not (source / "code").exists():
        source = records[0]
    if source.is_dir():
        images.check_destination(out, (".npy", ".npz"))
        _export_code(source, out)
    else:
        images.check_destination(out, meshes.SUFFIXES)
        _export_face(source, out, posed)


def _export_code(folder: Path, out: Path) -> None:
    code, _ = codes.load(folder)
    change = code.pop(codes.CHANGE, None)
    (array,) = code.values()  # w or w_plus
    if change is not None:
        logging.warning(
            "%s: the generator was tuned to this portrait; other programs show its code "
            "by the generator as it was published, less like the photograph",
            folder,
        )
    try:
        with atomic.replacing(out) as file:
            if out.suffix.lower() == ".npz":
                np.savez(file, w=array[None])
            else:
                np.save(file, array[None])
    except OSError as error:
        raise PieError(f"{out}: cannot be written ({error.strerror}).") from error


def _export_face(record: Path, out: Path, posed: bool) -> None:
    theta, chosen = read_face(record)
    config = _face_model_config(record, chosen)
    model = load(config, Use(parts=("face_model",))).params.face_model
    vertices, colours = map(np.asarray, surface(model, theta, posed=posed))
    meshes.write(out, vertices, np.asarray(model.triangles), colours)


def _face_model_config(record: Path, chosen: dict[str, str]) -> ConfigDict:
    """A configuration with the face model that a record says it is of."""
    config = configuration.load(configuration.OF_ANY)
    config.face_model = chosen.get("name", config.face_model)
    config.mofa = ""  # any of them may have estimated the numbers
    config.files.face_model = chosen.get("path", "")
    if chosen and face_model_record(config, origins(config)) != chosen:
        raise PieError(
            f"{record} is a face of the model in {chosen.get('path')}, which is another "
            "file now; make it again"
        )
    return config


def read_face(path: Path) -> tuple[FaceParams, dict[str, str]]:
    """Reads the face of `theta.json`, or the edited one of `edit.json`.

    Returns:
        `FaceParams`, and which face model it is of (`load.face_model_record`);
        nothing of that for records of the first versions.

    Raises:
        PieError: it cannot be read, or holds no face.
    """
    problem = "is neither theta.json of `pie fit` nor edit.json of one `pie edit`"
    with reading.explained(path, problem, "Make it again."):
        reading.check_ordinary(path)
        record = json.loads(path.read_bytes())
        values = record["edit"]["theta"] if "edit" in record else record["theta"]
        parts = {name: np.asarray(values[name], np.float32) for name in SIZES}
        chosen = {k: str(x) for k, x in record.get("face_model", {}).items()}
    for name, size in SIZES.items():
        if parts[name].shape != (size,) or not np.isfinite(parts[name]).all():
            raise PieError(f"{path}: {name} are not {size} finite numbers")
    theta = FaceParams(**{name: jnp.asarray(part) for name, part in parts.items()})
    return theta, chosen
