"""Embedded codes on disk: Orbax folders with their origin, and plain .npy files."""

from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from pie_jax.core.errors import PieError


def save(folder: Path, code: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
    """Writes `code` (arrays by name, such as `w_plus` [num_ws, 512]) and its origin.

    Args:
        folder: replaced when it exists.
        code: arrays by name.
        metadata: JSON-able; at least the id of the `generator`.
    """
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        checkpointer.save(
            folder.absolute(),
            args=ocp.args.Composite(
                code=ocp.args.StandardSave(code), metadata=ocp.args.JsonSave(metadata)
            ),
            force=True,
        )


def load(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what `save` wrote; a result folder with `code` inside is found too.

    Raises:
        PieError: no code is there, or it is damaged.
    """
    inner = folder / "code"
    # A result folder holds "code", and so does an Orbax folder of ours.
    place = inner if (inner / "code").exists() else folder
    if not (place / "metadata").exists():
        raise PieError(
            f"{folder} holds no code: expected a folder that `pie embed` wrote, or its "
            "code/ folder"
        )
    try:
        with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
            restored = checkpointer.restore(
                place.absolute(),
                args=ocp.args.Composite(
                    code=ocp.args.StandardRestore(), metadata=ocp.args.JsonRestore()
                ),
            )
    except (ValueError, OSError, KeyError) as error:
        raise PieError(f"{place} is damaged; embed the portrait again ({error})")
    code = {name: np.asarray(x) for name, x in restored["code"].items()}
    return code, restored["metadata"]


def load_w_plus(path: Path, num_ws: int, generator: str) -> np.ndarray:
    """Reads any kind of code as W+.

    Args:
        path: a folder as above, or an .npy of shape (512,), (n, 512) or
            (n, num_ws, 512). A file of shape (num_ws, 512) is n codes in W, not one in
            W+: the two cannot be told apart, so one code in W+ is (1, num_ws, 512).
        num_ws: the generator's number of style inputs.
        generator: id of the generator that will be run.

    Returns:
        `[n, num_ws, 512]` float32; a w is repeated for every style input.

    Raises:
        PieError: no such file, another shape, not finite, another generator's code.
    """
    if path.is_dir():
        code, metadata = load(path)
        if metadata.get("generator") != generator:
            raise PieError(
                f"{path} is a code of generator {metadata.get('generator')!r}; "
                f"the configuration names {generator!r}"
            )
        array = code["w_plus"][None] if "w_plus" in code else code["w"]
    else:
        array = _load_npy(path)
    return _to_w_plus(path, array, num_ws)


def _load_npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise PieError(f"{path} does not exist")
    except (ValueError, OSError, EOFError) as error:
        raise PieError(f"{path} is not a readable .npy file of numbers: {error}")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise PieError(f"{path} is not an .npy file of real numbers")
    return array


def _to_w_plus(path: Path, array: np.ndarray, num_ws: int) -> np.ndarray:
    shape = array.shape
    valid = shape[-1:] == (512,) and (
        len(shape) in (1, 2) or (len(shape) == 3 and shape[1] == num_ws)
    )
    if not valid or not array.size:
        raise PieError(
            f"{path} has shape {shape}; expected (512,), (n, 512) or (n, {num_ws}, 512)"
        )
    with np.errstate(over="ignore"):  # to infinity, which the next line refuses
        array = array.astype(np.float32)
    if not np.all(np.isfinite(array)):
        raise PieError(f"{path} holds values that are not finite")
    if array.ndim == 3:
        return array
    w = array.reshape(-1, 1, 512)
    return np.repeat(w, num_ws, axis=1)
