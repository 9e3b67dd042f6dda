"""What MoFA and the recognition network see in generator samples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments.samples import Samples
from pie_jax.core import theta as parameters
from pie_jax.core.images import from_255
from pie_jax.core.theta import FaceParams
from pie_jax.energy import crops
from pie_jax.io import atomic, faces

_CHUNK = 25


class SampleFaces(NamedTuple):
    """S faces.

    Attributes:
        theta: `[S, 257]`, in the order of `core.theta.SIZES`.
        descriptor: `[S, D]`.
    """

    theta: np.ndarray
    descriptor: np.ndarray


Look = Callable[[np.ndarray, np.ndarray], tuple[jax.Array, jax.Array]]
"""`(image_u8 [B, H, H, 3], chip_matrix [B, 2, 3]) -> (theta, descriptor)`."""


def look(
    estimate: Callable[[Any, jax.Array], FaceParams],
    recognition: Callable[[Any, jax.Array], jax.Array],
    params: dict[str, Any],
) -> Look:
    """Both networks on a batch of pictures.

    Args:
        estimate: MoFA; its parameters are `params["mofa"]`.
        recognition: of dlib's chips; its parameters are `params["recognition"]`.
        params: by part.
    """

    @jax.jit
    def both(params: Any, image_u8: jax.Array, chip_matrix: jax.Array):
        image = from_255(image_u8)
        chips = jax.vmap(crops.dlib_chip)(image, chip_matrix)
        theta = parameters.to_vector(estimate(params["mofa"], image))
        return theta, recognition(params["recognition"], chips)

    return lambda image_u8, chip_matrix: both(params, image_u8, chip_matrix)


def described(
    describe: Callable[[np.ndarray], jax.Array],
    samples: Samples,
    kept: Path,
    identity: str,
) -> np.ndarray:
    """The descriptors alone: `[S, D]`.

    Args:
        describe: `image_u8 [B, H, H, 3] -> descriptors [B, D]`.
        samples: valid ones.
        kept: a .npz file to keep the outcome in.
        identity: tells this network and these samples from others.
    """

    def see(image_u8: np.ndarray, _: np.ndarray) -> tuple[jax.Array, jax.Array]:
        unseen = parameters.neutral((len(image_u8),))
        return parameters.to_vector(unseen), describe(image_u8)

    return measured(see, samples, kept, identity).descriptor


def measured(see: Look, samples: Samples, kept: Path, identity: str) -> SampleFaces:
    """Looks at all samples, or reads what was seen before.

    Args:
        see: from `look`.
        samples: valid ones.
        kept: a .npz file to keep the outcome in.
        identity: tells these networks and samples from others.
    """
    if kept.exists():
        with np.load(kept, allow_pickle=False) as arrays:
            if str(arrays["identity"]) == identity:
                return SampleFaces(*(arrays[name] for name in SampleFaces._fields))
    count = len(samples.seed)
    matrices = chip_matrices(samples)
    rows = []
    for start in tqdm(range(0, count, _CHUNK), unit="batch", desc="faces"):
        index = np.minimum(np.arange(start, start + _CHUNK), count - 1)
        seen = see(samples.image_u8[index], matrices[index])
        rows.append([np.asarray(x)[: count - start] for x in seen])
    found = SampleFaces(*(np.concatenate(x) for x in zip(*rows, strict=True)))
    with atomic.replacing(kept) as file:
        content: dict[str, Any] = {"identity": np.array(identity), **found._asdict()}
        np.savez(file, **content)
    return found


def chip_matrices(samples: Samples, size: int | None = None) -> np.ndarray:
    """`[S, 2, 3]`, from pixels of dlib's chips to those of the pictures.

    Args:
        samples: valid ones.
        size: pixels on a side of the pictures; without it, as they are stored.
    """
    size = size or samples.image_u8.shape[1]
    points = size * samples.landmarks.astype(np.float64) - 0.5
    return np.stack([faces.chip_matrix(x) for x in points]).astype(np.float32)


def to_jax(theta: np.ndarray) -> FaceParams:
    """`[S, 257]` as parts."""
    return parameters.from_vector(jnp.asarray(theta, jnp.float32))
