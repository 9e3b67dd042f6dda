"""What MoFA and the recognition network see in generator samples."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parts import in_parts
from experiments.samples import Samples
from pie_jax.core import theta as parameters
from pie_jax.core.theta import FaceParams
from pie_jax.io import atomic
from pie_jax.photos import faces


class SampleFaces(NamedTuple):
    """S faces: theta `[S, 257]` in the order of `core.theta.SIZES`, descriptors `[S, D]`."""

    theta: np.ndarray
    descriptor: np.ndarray


Look = Callable[[np.ndarray, np.ndarray], Sequence[jax.Array]]
"""`(image_u8 [B, H, H, 3], chip_matrix [B, 2, 3]) -> ([B, ...], ...)`."""


def measured(
    see: Look, samples: Samples, kept: Path, identity: str
) -> list[np.ndarray]:
    """Looks at all samples, which are valid, or reads what was seen before from `kept`
    (.npz): `[S, ...]` each. `identity` tells networks and samples from others."""
    if kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            if str(arrays["identity"]) == identity:
                return [arrays[f"arr_{i}"] for i in range(len(arrays.files) - 1)]
    found = list(in_parts(see, samples.image_u8, chip_matrices(samples)))
    with atomic.replacing(kept) as file:
        np.savez(file, *found, identity=np.array(identity))
    return found


def chip_matrices(samples: Samples, size: int | None = None) -> np.ndarray:
    """`[S, 2, 3]`, from pixels of dlib's chips of valid samples to those of the pictures
    with `size` pixels on a side; without it, as they are stored."""
    size = size or samples.image_u8.shape[1]
    points = size * samples.landmarks.astype(np.float64) - 0.5
    return np.stack([faces.chip_matrix(x) for x in points]).astype(np.float32)


def to_jax(theta: np.ndarray) -> FaceParams:
    """`[S, 257]` as parts."""
    return parameters.from_vector(jnp.asarray(theta, jnp.float32))
