"""The face model and MoFA of files, for the scripts that fit faces."""

from pathlib import Path

import safetensors

from pie_jax.cli import shipped
from pie_jax.core.errors import PieError
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.io import assets
from pie_jax.io.assets import Asset


def face_model(file: Path | None) -> Morphable:
    """The face model of a file; the installed one without it.

    Raises:
        PieError: the file cannot be read, or is no face model.
    """
    if file is None:
        return shipped.face_model()
    try:
        return morphable.from_arrays(read(file).arrays)
    except ValueError as error:
        raise PieError(f"{file} is {error}") from error


def mofa(file: Path | None) -> shipped.Estimator:
    """MoFA of a file that a training has written; the installed one without it.

    Raises:
        PieError: the file cannot be read, or is not MoFA.
    """
    if file is None:
        return shipped.mofa()
    remedy = "Give a file that experiments.train_mofa has written."
    return shipped.estimator(read(file).arrays, str(file), remedy)


def read(file: Path) -> Asset:
    """What a file holds that a script has written.

    Raises:
        PieError: it cannot be read.
    """
    try:
        return assets.read(file)
    except (OSError, safetensors.SafetensorError) as error:
        raise PieError(f"{file} cannot be read: {error}") from error
