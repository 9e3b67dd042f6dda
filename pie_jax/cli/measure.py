"""Measures a projection against its photograph, from the pictures as they are saved."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pie_jax import metrics
from pie_jax.core.images import downsample
from pie_jax.energy.term import Networks
from pie_jax.io import faces, images, portraits


def measure(
    projection_u8: np.ndarray,
    portrait: portraits.Portrait,
    networks: Networks,
    params: Mapping[str, Any],
) -> dict[str, float | None]:
    """PSNR (dB), SSIM and recognition distance.

    Args:
        projection_u8: `[R, R, 3]` uint8.
        portrait: the photograph, aligned.
        networks: with or without a recognition network.
        params: parameters by part.

    Returns:
        `psnr`, `ssim`, `recognition_distance`; the last is None without a recognition
        network, or where no face is found in the projection.
    """
    factor = len(portrait.aligned_u8) // len(projection_u8)
    target = downsample(jnp.asarray(portrait.aligned_u8, jnp.float32), factor)
    image = jnp.asarray(projection_u8, jnp.float32)
    distance = None
    if networks.recognition is not None and portrait.landmarks is not None:
        photo_chip_u8 = faces.face_chip(portrait.aligned_u8, portrait.landmarks)
        describe = jax.jit(networks.recognition)
        distance = _recognition_distance(
            projection_u8,
            photo_chip_u8,
            lambda chips: describe(params["recognition"], chips),
        )
    return {
        "psnr": float(metrics.psnr(image, target)),
        "ssim": float(metrics.ssim(image, target)),
        "recognition_distance": distance,
    }


def _recognition_distance(
    projection_u8: np.ndarray, photo_chip_u8: np.ndarray, describe: Callable
) -> float | None:
    """Distance of the descriptors; the projection's face is detected anew."""
    boxes = faces.detect(projection_u8)
    if not boxes:
        return None
    landmarks = faces.landmarks68(projection_u8, boxes[0])
    chip_u8 = faces.face_chip(projection_u8, landmarks)
    chips = jnp.asarray(images.from_u8(np.stack([photo_chip_u8, chip_u8])))
    first, second = describe(chips)
    return float(jnp.linalg.norm(first - second))
