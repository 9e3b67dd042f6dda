"""Generator samples on disk: codes, small pictures, landmarks, in shards.

A shard is an .npz of `SHARD` consecutive seeds. It is written whole or not at all, and
depends on its seeds alone, so the shards that are there are the state of the job that
makes them.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample
from pie_jax.io import atomic

SHARD = 50
SIZE = 256
"""Pixels on a side of the stored pictures, of generators of as many or more."""
HELD_OUT = 500
"""The first valid samples by seed: never trained on, for every figure reported."""


class Samples(NamedTuple):
    """S samples of one generator."""

    seed: np.ndarray
    """`[S]` int64; with the generator it determines all the rest."""
    image_u8: np.ndarray
    """`[S, size, size, 3]` uint8 RGB, area-averaged."""
    w: np.ndarray
    """`[S, 2, 512]` float32, truncated: the code of the first rows, and of the rest; of
    edits `[S, num_ws, 512]`, w_plus itself."""
    crossover: np.ndarray
    """`[S]` int32, rows of w_plus that are the first w; all, if unmixed."""
    psi: np.ndarray
    """`[S]` float32, the truncation strength."""
    landmarks: np.ndarray
    """`[S, 68, 2]` float32, dlib's, in fractions of the frame (the outline runs from 0 to
    1); zero where `valid` is not."""
    valid: np.ndarray
    """`[S]` bool, whether dlib found the face."""

    def take(self, index: np.ndarray | slice) -> "Samples":
        """The samples at `index`, in that order."""
        return Samples(*(x[index] for x in self))


def w_plus(samples: Samples, num_ws: int) -> np.ndarray:
    """The codes that were synthesised, exactly: `[S, num_ws, 512]`."""
    if samples.w.shape[1] != 2:
        return samples.w
    first = np.arange(num_ws) < samples.crossover[:, None]
    return np.where(first[:, :, None], samples.w[:, :1], samples.w[:, 1:])


def shard_path(folder: Path, first: int, count: int = SHARD) -> Path:
    """The file of the seeds `first`, ..., `first + count - 1`."""
    return folder / f"samples-{first:07d}-{first + count - 1:07d}.npz"


def write(folder: Path, samples: Samples, generator: str) -> None:
    """Writes samples of consecutive seeds as a shard, all or nothing."""
    first, count = int(samples.seed[0]), len(samples.seed)
    with atomic.replacing(shard_path(folder, first, count)) as file:
        np.savez(file, generator=np.array(generator), **samples._asdict())


def read(path: Path, generator: str) -> Samples:
    """Reads a shard.

    Raises:
        PieError: it is damaged, or of another generator.
    """
    try:
        # Opened here, for NumPy forgets to close an archive that it cannot read.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = str(arrays["generator"])
            samples = Samples(*(arrays[name] for name in Samples._fields))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise PieError(f"{path} is damaged; remove it and generate again") from error
    if found != generator:
        raise PieError(
            f"{path} holds samples of generator {found!r}, not of {generator!r}; "
            "choose another folder"
        )
    return samples


def load(
    folder: Path,
    generator: str,
    size: int | None = None,
    held_out: int = HELD_OUT,
    most: int | None = None,
) -> tuple[Samples, Samples]:
    """Reads valid samples into memory: 0.2 MB each at 256 pixels.

    The held-out ones are the same however many samples are there.

    Args:
        folder: of shards; a job may be adding to it.
        generator: id of the generator that the samples must be of.
        size: pixels on a side, a divisor of what is stored, to which pictures are
            averaged; as they are stored without it.
        held_out: how many samples are kept from training.
        most: how many samples to train on are wanted, the first ones; all without it.

    Returns:
        (training, held out), both in the order of seeds.

    Raises:
        PieError: too few samples, damaged ones, or ones of another generator.
    """
    # Without the first shards the held-out samples would be others, some of them
    # trained on before.
    shards: list[Samples] = []
    total, wanted = 0, float("inf") if most is None else held_out + most
    for path in _paths(folder):
        if total >= wanted:
            break
        shard = read(path, generator)
        shard = shard.take(shard.valid)
        if size is not None:
            shard = shard._replace(image_u8=shrink(shard.image_u8, size))
        shards.append(shard)
        total += len(shard.seed)
    if total <= held_out:
        raise PieError(
            f"{folder} holds {total} valid samples without a gap from seed 0 on; more "
            f"than the {held_out} held-out ones are needed. Run "
            f"python -m experiments.generate_samples --out {folder}"
        )
    joined = Samples(*(np.concatenate(arrays) for arrays in zip(*shards, strict=True)))
    end = None if most is None else held_out + most
    return joined.take(slice(held_out, end)), joined.take(slice(held_out))


def _paths(folder: Path) -> Iterator[Path]:
    """The shards from the first on, up to the first that is missing."""
    following = 0
    for path in sorted(folder.glob("samples-*.npz")):
        first, last = map(int, path.stem.split("-")[1:])
        if first != following:
            return
        following = last + 1
        yield path


def shrink(image_u8: np.ndarray, size: int) -> np.ndarray:
    """Averages squares of pixels: `[S, H, H, 3]` to `[S, size, size, 3]` uint8.

    Raises:
        ValueError: `size` does not divide H.
    """
    count, height = image_u8.shape[:2]
    factor, rest = divmod(height, size)
    if rest:
        raise ValueError(f"size is {size}; expected a divisor of {height}")
    if factor == 1:
        return image_u8
    found = np.empty((count, size, size, 3), np.uint8)
    for i, picture in enumerate(image_u8):  # else the floats of all take gigabytes
        found[i] = np.rint(downsample(jnp.asarray(picture, jnp.float32), factor))
    return found
