"""The order in which a training sees its samples, a function of seed and step."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from experiments.samples import Samples
from pie_jax.core import ibug


def batches(
    samples: Samples, batch_size: int, first_step: int = 0
) -> Iterator[Samples]:
    """Yields batches without end, in each epoch in another order.

    Every other sample, at random, is mirrored; its code is that of the picture as it was.
    A training that is taken up again at `first_step` sees what it would have seen.

    Args:
        samples: at least `batch_size`; what is left of an epoch is dropped.
        batch_size: samples in a batch.
        first_step: how many batches to pass over, at no cost.

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
        rng = np.random.default_rng((0, epoch))
        order = rng.permutation(len(samples.seed))
        mirrored = rng.random(len(order)) < 0.5
        for start in range(step * batch_size, per_epoch * batch_size, batch_size):
            chosen = slice(start, start + batch_size)
            yield mirror_some(samples.take(order[chosen]), mirrored[chosen])
        epoch, step = epoch + 1, 0


def mirror_some(samples: Samples, mirrored: np.ndarray) -> Samples:
    """Mirrors pictures and landmarks where `mirrored` `[S]` is true."""
    image_u8, landmarks = samples.image_u8.copy(), samples.landmarks.copy()
    image_u8[mirrored] = image_u8[mirrored, :, ::-1]
    landmarks[mirrored] = ibug.mirror(jnp.asarray(landmarks[mirrored]))
    return samples._replace(image_u8=image_u8, landmarks=landmarks)
