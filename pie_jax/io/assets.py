"""Our own trained weights and models, which are installed with the package.

In contrast to `weights`, nothing is fetched or converted, and nothing is written.
"""

from importlib import resources
from typing import NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from pie_jax.core.errors import PieError


class Asset(NamedTuple):
    """What a file holds: arrays by name, and where they come from."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]


def load(name: str) -> Asset:
    """Reads `pie_jax/assets/<name>.safetensors`.

    Raises:
        PieError: the package was installed without it, or the file is damaged.
    """
    place = resources.files("pie_jax") / "assets" / f"{name}.safetensors"
    try:
        with (
            resources.as_file(place) as file,
            safetensors.safe_open(file, framework="numpy") as opened,
        ):
            keys = opened.keys()  # it is no mapping that one could iterate
            arrays = {key: opened.get_tensor(key) for key in keys}
            return Asset(arrays, opened.metadata() or {})
    except OSError as error:
        raise PieError(
            f"{place} cannot be read: {error}. The package is installed without its "
            "models; install it again."
        ) from error
    except safetensors.SafetensorError as error:
        raise PieError(
            f"{place} is damaged: {error}. Install the package again."
        ) from error
