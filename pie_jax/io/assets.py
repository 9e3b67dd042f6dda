"""Our own trained weights and models, which are installed with the package.

Nothing is fetched or converted here, and nothing is written.
"""

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

import safetensors

from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.io.arrays import Arrays


def load(name: str) -> Arrays:
    """Reads `pie_jax/assets/<name>.safetensors`.

    Raises:
        PieError: the package was installed without it, or the file is damaged.
    """
    place = _place(name)
    try:
        with resources.as_file(place) as file:
            return arrays.read(file)
    except OSError as error:
        raise PieError(
            f"{place} cannot be read: {error}. The package is installed without its "
            "models; install it again."
        ) from error
    except safetensors.SafetensorError as error:
        raise PieError(
            f"{place} is damaged: {error}. Install the package again."
        ) from error


def digest(name: str) -> str:
    """The SHA-256 of a file, which tells versions of the package apart.

    Raises:
        PieError: the package was installed without it.
    """
    try:
        return hashlib.sha256(_place(name).read_bytes()).hexdigest()
    except OSError as error:
        raise PieError(
            f"{_place(name)} cannot be read: {error}. Install the package again."
        ) from error


def _place(name: str) -> Traversable:
    return resources.files("pie_jax") / "assets" / f"{name}.safetensors"
