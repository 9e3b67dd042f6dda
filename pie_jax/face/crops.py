"""The part of an aligned portrait that a recognition network sees."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from pie_jax.core import ibug, similarity
from pie_jax.core.images import downsample, reduce_affine, sample_affine
from pie_jax.core.numerics import matmul

CHIP_SIZE = 150
PATCH_SIZE = 224
REDUCED = 256
"""An aligned face is about 640 of 1024 pixels wide: at 256 a chip's 150 pixels sample
it about one to one, so that nothing is skipped."""


def _jitters() -> np.ndarray:
    """Eight, half of them mirrored, as dlib's `num_jitters` turns, scales and shifts."""
    rng = np.random.default_rng(3)
    middle = np.full(2, (CHIP_SIZE - 1) / 2)
    found = []
    for i in range(8):
        scale = 1 + rng.uniform(-0.06, 0.06)
        angle = np.deg2rad(rng.uniform(-6, 6))
        shift = rng.uniform(-6, 6, 2)
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        linear = np.array([[cosine, -sine], [sine, cosine]])
        linear[:, 0] *= 1 - 2 * (i % 2)
        found.append(np.column_stack([linear, middle + shift - linear @ middle]))
    return np.stack(found)


JITTERS = _jitters()
"""`[8, 2, 3]`, map pixels of a chip to pixels of the chip: in each a face is nearly where
it was. A picture that descends on one chip's descriptor learns what pleases the network in
that chip, and less of the person (docs/measurements.md)."""


def jittered(chip_matrix: Array, which: Array | int) -> Array:
    """`chip_matrix` `[2, 3]` of the chip as the `which`-th of `JITTERS` shows it."""
    jitter = jnp.asarray(JITTERS, chip_matrix.dtype)[which]
    moved = matmul(chip_matrix[:, :2], jitter)
    return moved.at[:, 2].add(chip_matrix[:, 2])


def dlib_chip(image: Array, chip_matrix: Array) -> Array:
    """The square `[150, 150, 3]` of a portrait `[R, R, 3]` that dlib's network wants,
    as the photograph's landmarks give it.

    `chip_matrix` `[2, 3]` maps pixels of the chip to pixels of the image.
    """
    factor = max(image.shape[0] // REDUCED, 1)
    reduced = downsample(image, factor)
    return sample_affine(reduced, reduce_affine(chip_matrix, factor), CHIP_SIZE)


def follow(chip_matrix: Array, before: Array, after: Array) -> Array:
    """The chip of a face that moved: both keep their place to each other.

    Args:
        chip_matrix: `[2, 3]`, maps pixels of the chip to pixels of the image.
        before: `[68, 2]` landmarks in pixels of the image, integers at their centres.
        after: `[68, 2]`, the same ones of the face that moved.

    Returns:
        `[2, 3]`: `chip_matrix`, then the least squares similarity from `before` to
        `after`, by the landmarks that place dlib's chip.
    """
    points = jnp.array(ibug.CHIP)
    linear, origin, goal = similarity.fit(before[points], after[points])
    moved = matmul(linear, chip_matrix)
    return moved.at[:, 2].add(goal - matmul(linear, origin))


def vgg_face_patch(image: Array, chip_matrix: Array) -> Array:
    """The middle of the frame, as VGG-Face saw its training pictures: `[224, 224, 3]`.

    Those were boxes around whole heads, not aligned further, scaled to 256 pixels; the
    network sees 224 of them. The frame of an FFHQ-aligned portrait is such a box: eyes
    a little above the middle, the chin within the patch. So `chip_matrix` is not used.
    """
    del chip_matrix
    reduced = downsample(image, max(image.shape[0] // REDUCED, 1))
    scale = reduced.shape[0] / REDUCED
    # Of the patch's first pixel, whose centre is (0, 0): pixels are squares, so half a
    # pixel is scaled too.
    offset = ((REDUCED - PATCH_SIZE) / 2 + 0.5) * scale - 0.5
    matrix = jnp.asarray([[scale, 0, offset], [0, scale, offset]], image.dtype)
    return sample_affine(reduced, matrix, PATCH_SIZE)
