"""The order in which a training sees its samples, a function of seed and step."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from experiments.samples import Samples
from pie_jax.core import ibug


def batches(
    samples: Samples,
    batch_size: int,
    *,
    seed: int = 0,
    first_step: int = 0,
    mirror: bool = False,
) -> Iterator[Samples]:
    """Yields batches without end, in each epoch in another order.

    A training that is taken up again at `first_step` sees what it would have seen.

    Args:
        samples: at least `batch_size`; what is left of an epoch is dropped.
        batch_size: samples in a batch.
        seed: of the order.
        first_step: how many batches to pass over, at no cost.
        mirror: mirror every other sample, at random. The codes of a batch are those of
            the pictures as they were.

    Raises:
        ValueError: there are fewer samples than `batch_size`.
    """
    per_epoch = len(samples.seed) // batch_size
    if not per_epoch:
        raise ValueError(
            f"expected at least {batch_size} samples, got {len(samples.seed)}"
        )
    epoch, step = divmod(first_step, per_epoch)
    while True:
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(samples.seed))
        mirrored = (
            rng.random(len(order)) < 0.5 if mirror else np.zeros(len(order), bool)
        )
        for start in range(step * batch_size, per_epoch * batch_size, batch_size):
            chosen = slice(start, start + batch_size)
            yield mirror_some(samples.take(order[chosen]), mirrored[chosen])
        epoch, step = epoch + 1, 0


def mirror_some(samples: Samples, mirrored: np.ndarray) -> Samples:
    """Mirrors pictures and landmarks where `mirrored` `[S]` is true."""
    image_u8, landmarks = samples.image_u8, samples.landmarks
    return samples._replace(
        image_u8=np.where(
            mirrored[:, None, None, None], image_u8[:, :, ::-1], image_u8
        ),
        landmarks=np.where(
            mirrored[:, None, None], ibug.mirror(jnp.asarray(landmarks)), landmarks
        ),
    )
