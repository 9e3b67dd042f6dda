"""What the installed stack has for scripts: the face model, networks and rigs."""

from pathlib import Path
from typing import Any, NamedTuple

import safetensors

from pie_jax.core.errors import PieError
from pie_jax.core.interfaces import Estimate
from pie_jax.energy.term import needed
from pie_jax.face.morphable import Morphable
from pie_jax.io import arrays
from pie_jax.io.arrays import Arrays
from pie_jax.stack import configuration, uses
from pie_jax.stack import load as loading
from pie_jax.stack.assembly import Stack
from pie_jax.stack.uses import FIT, Use


class Estimator(NamedTuple):
    """What estimates theta."""

    apply: Estimate
    params: Any


def installed(
    *parts: str, edit: tuple[str, ...] = (), mofa: Path | None = None
) -> Stack:
    """Parts of the default configuration; those of `pie fit` without names.

    Args:
        parts: of `core.params.Params`.
        edit: components whose rigs are wanted, with the generator.
        mofa: a file that a training has written, instead of the installed one.

    Raises:
        PieError: something cannot be read, or is not what it should be.
    """
    config = configuration.load(configuration.DEFAULT)
    config.files.mofa = str(mofa or "")
    use = uses.edit(*edit) if edit else Use(parts=parts or FIT.parts)
    return loading.load(config, use)


def face_model(file: Path | None) -> Morphable:
    """The face model of a file; the installed one without it.

    Raises:
        PieError: the file cannot be read, or is no face model.
    """
    if file is None:
        return installed("face_model").params.face_model
    return loading.face_model(read(file).flat, str(file), "Give another file.")


def mofa(file: Path | None) -> Estimator:
    """MoFA of a file that a training has written; the installed one without it.

    Raises:
        PieError: the file cannot be read, or is not MoFA.
    """
    found = installed("mofa", mofa=file)
    return Estimator(estimate(found), found.params.mofa)


def estimate(stack: Stack) -> Estimate:
    """The stack's MoFA."""
    return needed(stack.functions.networks.estimate, "mofa")


def read(file: Path) -> Arrays:
    """What a file holds that a script has written.

    Raises:
        PieError: it cannot be read.
    """
    try:
        return arrays.read(file)
    except (OSError, safetensors.SafetensorError) as error:
        raise PieError(f"{file} cannot be read: {error}") from error
