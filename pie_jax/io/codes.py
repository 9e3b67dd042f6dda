"""Embedded codes on disk: Orbax folders with their origin."""

import math
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, orbax_paths, reading
from pie_jax.io.allowance import Allowance

CHANGE = "change"
"""What a code calls what its generator was changed by (`networks.tuning.change`)."""

Code = dict[str, Any]
"""`w` `[512]` or `w_plus` `[num_ws, 512]`, and of a tuned generator `CHANGE`, arrays by
name; those of several portraits have a leading axis."""


def save(folder: Path, code: Code, metadata: dict[str, Any]) -> None:
    """Writes a code and its origin, all or nothing, and reads them back.

    Args:
        folder: replaced when it exists.
        code: see above.
        metadata: JSON-able; at least the id of the `generator`.

    Raises:
        PieError: it cannot be written, or is not there afterwards.
    """
    with atomic.explained(folder, Exception):
        write(folder, code, metadata)


def write(folder: Path, code: Code, metadata: dict[str, Any]) -> None:
    """`save` that raises whatever Orbax does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic.folder(folder.parent) as unfinished:
        with (
            orbax_paths.plain(unfinished) as place,
            ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer,
        ):
            items = ocp.args.Composite(
                code=ocp.args.StandardSave(code), metadata=ocp.args.JsonSave(metadata)
            )
            checkpointer.save(place / "code", args=items)
        try:  # Orbax only warns where it lost something
            found, _ = load(unfinished)
        except PieError as error:
            raise OSError("what was written cannot be read back") from error
        pair = [traverse_util.flatten_dict(x) for x in (found, code)]
        if pair[0].keys() != pair[1].keys() or any(
            pair[0][name].tobytes() != np.asarray(x).tobytes()
            for name, x in pair[1].items()
        ):
            raise OSError("what was written is read back as something else")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(unfinished / "code", folder)


def load(folder: Path) -> tuple[Code, dict[str, Any]]:
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
    remedy = "Embed the photograph again by `pie embed --overwrite`."
    with reading.explained(place, "is damaged", remedy):
        with (
            orbax_paths.plain(place) as path,
            ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer,
        ):
            _check_size(path, str(place))
            restored = checkpointer.restore(
                path,
                args=ocp.args.Composite(
                    code=ocp.args.StandardRestore(), metadata=ocp.args.JsonRestore()
                ),
            )
        code = jax.tree.map(np.asarray, restored["code"])
        metadata = restored["metadata"]
        file = generator_file(metadata)
        if len({*code} - {CHANGE}) != 1 or not {*code} <= {"w", "w_plus", CHANGE}:
            raise ValueError(f"it holds {', '.join(map(str, code)) or 'nothing'}")
        if not _is_change(code.get(CHANGE, {})):
            raise ValueError("the generator's change is none")
        told = [*map(type, map(file.get, ("path", "sha256")))]
        if file and told != [str, str]:
            raise TypeError("its generator's file has no path and SHA-256")
        return code, metadata


def _is_change(change: Any) -> bool:
    return isinstance(change, dict) and all(
        isinstance(x, np.ndarray) and x.dtype == np.float16 and np.isfinite(x).all()
        for x in change.values()
    )


def _check_size(folder: Path, name: str) -> None:
    """Raises PieError where its arrays are said to be larger than its files can hold."""
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    handler = ocp.StandardCheckpointHandler()
    described = handler.metadata(folder / "code")
    handler.close()
    allowance = Allowance(name, size)
    for leaf in jax.tree.leaves(described.tree):
        allowance.take(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize)


class Codes(NamedTuple):
    """Codes of n portraits, as every command takes them.

    Attributes:
        w_plus: `[n, num_ws, 512]` float32.
        change: what the generator was changed by for each, arrays `[n, ...]` by name
            (`networks.tuning.change`); None if it was not tuned.
    """

    w_plus: np.ndarray
    change: dict[str, np.ndarray] | None = None

    def of(self, index: int) -> dict[str, np.ndarray] | None:
        """One portrait's change."""
        return self.change and {k: x[index] for k, x in self.change.items()}


def load_codes(
    folder: Path, num_ws: int, generator: str, sha256: str | None = None
) -> Codes:
    """Reads what `save` wrote as W+.

    Args:
        folder: as for `load`.
        num_ws: the generator's number of style inputs.
        generator: id of the generator that will be run.
        sha256: of the file of its weights, where the user brought one.

    Returns:
        The codes; a w is repeated for every style input.

    Raises:
        PieError: no code is there, it is damaged, not finite, or another generator's.
    """
    code, metadata = load(folder)
    if metadata.get("generator") != generator:
        raise PieError(
            f"{folder} is a code of generator {metadata.get('generator')!r}; "
            f"the configuration names {generator!r}. Leave --config and "
            "--config.generator out"
        )
    file = generator_file(metadata)
    if file.get("sha256") != sha256:
        raise PieError(
            f"{folder} is a code of {generator} with {_describe(file)}; the "
            f"configuration names {'another file' if sha256 else 'none'}. Give that "
            "file with --config.files.generator=FILE"
        )
    array = code["w"] if "w" in code else code["w_plus"]
    change = code.get(CHANGE)
    if "w_plus" in code and array.ndim == 2:  # of one portrait
        array = array[None]
        change = change and {k: x[None] for k, x in change.items()}
    if change and any(x.shape[:1] != array.shape[:1] for x in change.values()):
        raise PieError(f"{folder}: the generator was changed for other portraits")
    return Codes(to_w_plus(array, num_ws, str(folder)), change)


def generator_file(metadata: dict[str, Any]) -> dict[str, str]:
    """`path` and `sha256` of the file of weights that a code belongs to; or nothing."""
    return metadata.get("files", {}).get("generator", {})


def _describe(file: dict[str, str]) -> str:
    if not file:
        return "weights that were fetched, not with a file"
    return f"the weights {file['path']} (SHA-256 {file['sha256']})"


def to_w_plus(
    array: np.ndarray, num_ws: int, name: str, space: str | None = None
) -> np.ndarray:
    """Codes of any shape as W+.

    Args:
        array: `[512]`, `[n, 512]` or `[n, 1, 512]` in W, or `[n, num_ws, 512]` in W+.
        num_ws: the generator's number of style inputs.
        name: what the errors call it.
        space: what an array `[num_ws, 512]` is: "w" (that many codes) or "w_plus"
            (one code). The two cannot be told apart.

    Returns:
        `[n, num_ws, 512]` float32; a w is repeated for every style input.

    Raises:
        PieError: another shape, values that are not finite, or codes whose space
            cannot be told.
    """
    shape = array.shape
    if shape[-1:] != (512,) or not array.size or not _is_known(shape, num_ws):
        raise PieError(
            f"{name} has shape {shape}; expected (512,), (n, 512), (n, 1, 512) or "
            f"(n, {num_ws}, 512)"
        )
    if shape == (num_ws, 512) and space is None:
        raise PieError(
            f"{name} has shape {shape}: either {num_ws} codes in W, or one code in W+ "
            f"with its {num_ws} style inputs. Say which with --space w or --space "
            f"w_plus, or store it as ({num_ws}, 1, 512) or (1, {num_ws}, 512)"
        )
    with np.errstate(over="ignore"):  # to infinity, which the next line refuses
        array = array.astype(np.float32)
    if not np.all(np.isfinite(array)):
        raise PieError(f"{name} holds values that are not finite")
    if array.ndim < 3:
        one_code = shape == (num_ws, 512) and space == "w_plus"
        array = array[None] if one_code else array.reshape(-1, 1, 512)
    return np.broadcast_to(array, (len(array), num_ws, 512))


def _is_known(shape: tuple[int, ...], num_ws: int) -> bool:
    return len(shape) in (1, 2) or (len(shape) == 3 and shape[1] in (1, num_ws))
