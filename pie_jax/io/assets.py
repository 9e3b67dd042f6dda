"""Our own trained weights and models, which are installed with the package.

In contrast to `weights`, nothing is fetched or converted, and nothing is written.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from pie_jax.core.errors import PieError
from pie_jax.io import weights

NETWORKS = (
    "curvature",
    "encoder",
    "landmark_net",
    "mofa",
    "rig_expression",
    "rig_illumination",
    "rig_rotation",
)
"""Those that are a network's parameters, or an optimiser's."""
MODELS = ("morphable",)
"""Those that are face models."""
ALL = NETWORKS + MODELS


class Asset(NamedTuple):
    """What a file holds: arrays by name, and where they come from."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]


def load(name: str) -> Asset:
    """Reads `pie_jax/assets/<name>.safetensors`.

    Raises:
        PieError: the package was installed without it, or the file is damaged.
    """
    place = _place(name)
    try:
        with resources.as_file(place) as file:
            return read(file)
    except OSError as error:
        raise PieError(
            f"{place} cannot be read: {error}. The package is installed without its "
            "models; install it again."
        ) from error
    except safetensors.SafetensorError as error:
        raise PieError(
            f"{place} is damaged: {error}. Install the package again."
        ) from error


def read(file: Path) -> Asset:
    """Reads a .safetensors file.

    Raises:
        OSError: it cannot be read.
        safetensors.SafetensorError: it is damaged.
    """
    with safetensors.safe_open(file, framework="numpy") as opened:
        keys = opened.keys()  # it is no mapping that one could iterate
        arrays = {key: opened.get_tensor(key) for key in keys}
        return Asset(arrays, opened.metadata() or {})


def parameters(name: str) -> dict[str, Any]:
    """A network's parameters, nested dicts of float32 arrays.

    Raises:
        PieError: as `load`.
    """
    return single_precision(load(name).arrays)


def single_precision(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Arrays by `/`-joined names as nested dicts of float32 arrays."""
    return weights.nest({k: np.asarray(x, np.float32) for k, x in arrays.items()})


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
