"""Files that ship with the package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from pie_jax.core.errors import PieError
from pie_jax.stack import converted


def rounded(params: Any) -> Any:
    """A pytree of arrays as they come back from `export`'s file, for figures of that
    file: float32; what half precision cannot hold is infinite."""
    return jax.tree.map(lambda x: jnp.asarray(_halved(x), jnp.float32), params)


def export(path: Path, params: Any, metadata: Mapping[str, Any]) -> None:
    """Writes parameters in half precision, under `/`-joined names.

    Args:
        path: a .safetensors file; its folder is made if missing.
        params: nested dicts of arrays.
        metadata: what the model card says of data, licence and errors; figures are
            rounded to five digits, and None is left out.

    Raises:
        PieError: a value is too large for half precision.
    """
    flat = traverse_util.flatten_dict(params, sep="/")
    halves = {k: _halved(x) for k, x in flat.items()}
    if bad := [k for k, x in halves.items() if not np.all(np.isfinite(x))]:
        raise PieError(f"not finite in half precision: {', '.join(sorted(bad))}")
    known = {k: x for k, x in metadata.items() if x is not None}
    words = {k: f"{x:.5f}" if isinstance(x, float) else x for k, x in known.items()}
    write(path, halves, words)


def write(
    path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes a .safetensors file, all or nothing; its folder is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    converted.save(path, arrays, metadata)


def _halved(x: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # to infinity, which `export` refuses
        return np.asarray(x, order="C").astype(np.float16)
