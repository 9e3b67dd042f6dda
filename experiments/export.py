"""Trained parameters as a file that ships with the package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from flax import traverse_util

from pie_jax.core.errors import PieError
from pie_jax.io import atomic


def export(path: Path, params: Any, metadata: Mapping[str, str]) -> None:
    """Writes parameters in half precision, under `/`-joined names.

    Args:
        path: a .safetensors file; its folder is made if missing.
        params: nested dicts of arrays.
        metadata: what the model card says of data, licence and errors.

    Raises:
        PieError: a value is too large for half precision.
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    with np.errstate(over="ignore"):  # to infinity, which is refused below
        halves = {
            k: np.asarray(x, order="C").astype(np.float16) for k, x in flat.items()
        }
    if bad := [k for k, x in halves.items() if not np.all(np.isfinite(x))]:
        raise PieError(f"not finite in half precision: {', '.join(sorted(bad))}")
    content = safetensors.numpy.save(halves, metadata=dict(metadata))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as file:
        file.write(content)
