"""Reads the codes that other projects write: .npy, .npz, .pt.

- .npy: an array of codes; or a dictionary of images with a code each, or with a list of
  codes of which the last is taken, as stylegan3-editing's `latents.npy`;
- .npz: one array, or several of which one is called as below, or one alone can be
  codes: stylegan2-ada-pytorch's `projected_w.npz` has `w` `[1, num_ws, 512]`;
- .pt: a tensor, as encoder4editing's `latents.pt` `[n, num_ws, 512]`; a dictionary with
  one of the names below, or of images with a code each; what
  rosinality/stylegan2-pytorch's projector writes, a dictionary of images with a `latent`
  each; or a list of tensors, one for an image.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pie_jax.converters import (
    numpy_pickle,
    restricted_pickle,
    torch_checkpoint,
    user_file,
)
from pie_jax.core.errors import PieError, shown
from pie_jax.io import npy, reading
from pie_jax.io.allowance import Allowance

SUFFIXES = (".npy", ".npz", ".pt", ".pth")

NAMES = ("w_plus", "w", "dlatents", "latents", "latent", "codes", "code")
"""What arrays of codes are called; the first that is there is taken."""
_WIDTH = 512


@reading.reader
def read(path: Path) -> np.ndarray:
    """Reads a file of codes.

    Returns:
        Real numbers of any shape; `[512]`, `[n, 512]` or `[n, m, 512]` in a good file.
        Codes that the file keeps one for an image come as `[n, m, 512]`, m being 1 for
        codes in W.

    Raises:
        PieError: the file cannot be read, is damaged, asks for more than arrays, or
            holds nothing, or several things, that could be the codes.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return npy.read_npy(path, lambda data: _unpickled(data, path))
    if suffix == ".npz":
        return _chosen(npy.read_npz(path), path)
    if suffix in SUFFIXES:
        file = user_file.read(path)
        return _codes(torch_checkpoint.read(file.data, str(path)), path)
    raise PieError(
        f"{path} is no code: expected a folder that `pie embed` wrote, or a file whose "
        f"name ends in {', '.join(SUFFIXES)}"
    )


def _unpickled(data: bytes, path: Path) -> Any:
    content = restricted_pickle.read(data, str(path)).content
    makers = restricted_pickle.CONTAINERS | numpy_pickle.MAKERS
    found = restricted_pickle.build(content, makers, Allowance(str(path), len(data)))
    if not isinstance(found, dict) or any(name in found for name in NAMES):
        return _codes(found, path)
    images = {k: x if isinstance(x, list) else [x] for k, x in found.items()}
    return _codes(images, path)


def _codes(content: Any, path: Path) -> np.ndarray:
    """The codes in what a file's pickle holds."""
    if isinstance(content, np.ndarray):
        return _real(content, path)
    if isinstance(content, list | tuple):
        return _one_for_each_image(content, path)
    if not isinstance(content, dict):
        raise _unknown(path, f"a {type(content).__name__}")
    latents = [_of_image(record) for record in content.values()]
    if latents and all(latent is not None for latent in latents):
        return _one_for_each_image(latents, path)
    named = any(name in content for name in NAMES)
    codes = list(_possible(content).values())
    if not named and len(codes) > 1 and len({code.shape for code in codes}) == 1:
        return _one_for_each_image(codes, path)
    return _chosen(content, path)


def _of_image(record: Any) -> Any:
    """The code in what a file holds under an image's name; None if it is none."""
    if isinstance(record, dict) and "latent" in record:
        return record["latent"]
    return record[-1] if isinstance(record, list) and record else None


def _chosen(arrays: Mapping[str, Any], path: Path) -> np.ndarray:
    """The array with a usual name, or the only one that can be codes."""
    for name in NAMES:
        if name in arrays:
            return _real(arrays[name], path)
    found = {k: v for k, v in arrays.items() if isinstance(v, np.ndarray)}
    found = _possible(found) or found
    if len(found) != 1:
        some = [f"{shown(k)} {list(x.shape)}" for k, x in found.items()][:9]
        several = f"{len(found)} arrays ({', '.join(some)})"
        raise _unknown(path, several if found else "no array")
    (only,) = found.values()
    return _real(only, path)


def _possible(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays whose shape is that of codes."""
    return {
        name: array
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
        and array.ndim <= 3
        and array.shape[-1:] == (_WIDTH,)
    }


def _one_for_each_image(latents: Sequence[Any], path: Path) -> np.ndarray:
    codes = [_one_code(_real(latent, path)) for latent in latents]
    shapes = {code.shape for code in codes}
    if len(shapes) != 1:
        raise _unknown(path, f"codes of the shapes {sorted(shapes)}")
    return np.stack(codes)


def _one_code(latent: np.ndarray) -> np.ndarray:
    """`[512]`, `[m, 512]` or `[1, m, 512]` to `[m, 512]`; m is 1 in W."""
    return latent[0] if latent.ndim == 3 and len(latent) == 1 else np.atleast_2d(latent)


def _real(array: Any, path: Path) -> np.ndarray:
    restricted_pickle.taken(array, str(path))
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        if isinstance(array, npy.Unread):
            kind = array.why
        raise _unknown(path, f"{kind} where real numbers belong")
    return array


def _unknown(path: Path, found: str) -> PieError:
    return PieError(
        f"{path} holds {found}; expected one array of codes, or one called "
        f"{', '.join(NAMES)}"
    )
