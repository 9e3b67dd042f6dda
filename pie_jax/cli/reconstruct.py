"""Fits the face model to a portrait, and shows the fit."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.cli.shipped import Estimator
from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.face.morphable import Morphable, named_expression
from pie_jax.face.views import turntable, views
from pie_jax.io import animations, atomic, images
from pie_jax.io.portraits import Portrait
from pie_jax.training.reconstruction import errors
from pie_jax.training.refine import refine

RESOLUTION = 256
"""Pixels on a side of the picture that the face is fitted to."""

_SHOWN, _TURNING = 512, 256
_FRAMES, _SECONDS = 36, 3.6


class Fitted(NamedTuple):
    """One face.

    Attributes:
        theta: without batch axes.
        errors: what is left (`training.reconstruction.errors`).
    """

    theta: FaceParams
    errors: dict[str, float]


def fit(
    model: Morphable, estimator: Estimator, portrait: Portrait, num_steps: int
) -> Fitted:
    """Fits the model to a portrait.

    Args:
        model: the face model.
        estimator: where to begin.
        portrait: with landmarks.
        num_steps: of the refinement.
    """
    size = len(portrait.aligned_u8)
    image = jnp.asarray(images.from_u8(portrait.aligned_u8))
    image = downsample(image, size // RESOLUTION)
    found = np.asarray(portrait.landmarks)  # there, by what is promised above
    landmarks = jnp.asarray((found + 0.5) / size, jnp.float32)
    estimated = jax.jit(estimator.apply)(estimator.params, image[None])
    theta = jax.tree.map(lambda x: x[0], estimated)
    if num_steps:
        theta, _ = refine(model, theta, image, landmarks, num_steps=num_steps)
    left = jax.jit(errors)(model, theta, image, landmarks)
    return Fitted(theta, {name: float(value) for name, value in left.items()})


def write_pictures(
    out: Path, model: Morphable, theta: FaceParams, aligned_u8: np.ndarray
) -> None:
    """Writes `overlay.png`, `components.png` and `turntable.gif`.

    Args:
        out: a folder.
        model: the face model.
        theta: one face.
        aligned_u8: `[R, R, 3]` uint8, its portrait.

    Raises:
        PieError: the folder cannot be written to.
    """
    image = jnp.asarray(aligned_u8, jnp.float32) / 255
    seen = jax.jit(views)(model, theta, image)
    images.write_png(out / "overlay.png", _u8(seen["overlay"]))
    shown = [image, seen["geometry"], seen["albedo"], seen["shading"]]
    factor = max(1, len(aligned_u8) // _SHOWN)
    row = np.concatenate([_u8(downsample(x, factor)) for x in shown], axis=1)
    images.write_png(out / "components.png", row)
    turn = jax.jit(turntable, static_argnums=(2, 3))
    frames_u8 = _u8(turn(model, theta, _FRAMES, _TURNING))
    animations.write_gif(out / "turntable.gif", frames_u8, _SECONDS)


def describe(model: Morphable, fitted: Fitted) -> dict[str, Any]:
    """A face for a JSON file: its numbers, and what they mean to people."""
    theta = fitted.theta
    amounts = named_expression(model, theta.expression)
    degrees = np.rad2deg(theta.rotation)
    return {
        "theta": {name: _numbers(getattr(theta, name)) for name in SIZES},
        "degrees": dict(zip(("pitch", "yaw", "roll"), _numbers(degrees), strict=True)),
        "expressions": dict(zip(model.unit_names, _numbers(amounts), strict=True)),
        "camera": {
            "focal_in_image_widths": float(model.camera.focal),
            "distance_in_decimetres": float(model.camera.distance),
        },
        "errors": dict(
            zip(fitted.errors, _numbers(fitted.errors.values()), strict=True)
        ),
    }


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Writes a JSON file, all or nothing.

    Raises:
        PieError: its folder cannot be written to.
    """
    try:
        with atomic.replacing(path) as file:
            file.write(json.dumps(record, indent=1).encode() + b"\n")
    except OSError as error:
        raise PieError(f"{path}: cannot be written ({error.strerror}).") from error


def _numbers(values: Iterable[Any]) -> list[float]:
    """Python numbers of six decimals, with which nothing visible is lost."""
    return [round(float(value), 6) for value in values]


def _u8(image: Any) -> np.ndarray:
    """From [0, 1]."""
    return images.to_u8(2 * np.asarray(image) - 1)
