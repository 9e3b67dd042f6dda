"""Measures a projection against its photograph, from the pictures as they are saved."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from pie_jax import metrics
from pie_jax.core.images import resized
from pie_jax.face.crops import dlib_chip
from pie_jax.io import images
from pie_jax.photos import faces
from pie_jax.photos.portraits import Portrait
from pie_jax.stack.assembly import Stack


def measure(
    projection_u8: np.ndarray,
    portrait: Portrait,
    stack: Stack,
) -> dict[str, float | None]:
    """PSNR (dB), SSIM and recognition distance.

    Args:
        projection_u8: `[R, R, 3]` uint8.
        portrait: the photograph, aligned.
        stack: with or without a recognition network.

    Returns:
        `psnr`, `ssim`, `recognition_distance`; the last is None without a recognition
        network, or where no face is found in the projection.
    """
    aligned = jnp.asarray(portrait.aligned_u8, jnp.float32)
    target = resized(aligned, len(projection_u8))
    image = jnp.asarray(projection_u8, jnp.float32)
    return {
        "psnr": float(metrics.psnr(image, target)),
        "ssim": float(metrics.ssim(image, target)),
        "recognition_distance": recognition_distance(projection_u8, portrait, stack),
    }


def recognition_distance(
    picture_u8: np.ndarray,
    portrait: Portrait,
    stack: Stack,
) -> float | None:
    """How far the recognition network's descriptors are apart; args as of `measure`.

    Returns:
        None without a network, or where no face is found in the picture.
    """
    networks, programs = stack.functions.networks, stack.functions.programs
    if networks.recognition is None or portrait.landmarks is None:
        return None
    boxes = faces.detect(picture_u8)  # anew
    if not boxes:
        return None
    landmarks = faces.landmarks68(picture_u8, boxes[0])
    photo = _seen(portrait.aligned_u8, portrait.landmarks, networks.crop)
    picture = _seen(picture_u8, landmarks, networks.crop)
    describe = programs.compiled(networks.recognition, "recognition", lambda *_: 0)
    pair = np.stack([np.asarray(photo), np.asarray(picture)])
    first, second = np.asarray(describe(stack.params.recognition, pair))
    return float(jnp.linalg.norm(first - second))


def _seen(image_u8: np.ndarray, landmarks: np.ndarray, crop: Callable) -> jax.Array:
    """What the recognition network sees of a picture, `[S, S, 3]` in [-1, 1].

    A chip for dlib's network is cut by dlib itself, for its distances are known so.
    """
    if crop is dlib_chip:
        return jnp.asarray(images.from_u8(faces.face_chip(image_u8, landmarks)))
    matrix = jnp.asarray(faces.chip_matrix(landmarks), jnp.float32)
    return crop(jnp.asarray(images.from_u8(image_u8)), matrix)
