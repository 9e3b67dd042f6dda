"""Fits the face model to a portrait, and shows the fit."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from ml_collections import ConfigDict

from pie_jax.core.errors import PieError
from pie_jax.core.images import downsample
from pie_jax.core.params import Params
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.editing.sight import Sight
from pie_jax.face import correction
from pie_jax.face.morphable import Morphable, named_expression
from pie_jax.face.views import turntable, views
from pie_jax.io import animations, images, records, results
from pie_jax.photos import portraits
from pie_jax.photos.portraits import Portrait
from pie_jax.stack import fetch
from pie_jax.stack.assembly import Functions
from pie_jax.stack.load import face_model_record, load
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.stack.uses import FIT
from pie_jax.training.reconstruction import errors
from pie_jax.training.refine import refine
from pie_jax.workflows import covered

RESOLUTION = 256
"""Pixels on a side of the picture that the face is fitted to."""

_SHOWN, _TURNING = 512, 256
_FRAMES, _SECONDS = 36, 3.6


def fit_photo(
    photo: Path,
    out: Path,
    config: ConfigDict,
    *,
    num_steps: int = 0,
    face: int | None = None,
    aligned: bool = False,
) -> None:
    """Fits the face of a photograph, and writes pictures and numbers into a folder.

    Args:
        photo: the photograph.
        out: the folder.
        config: names MoFA and the face model.
        num_steps: of the refinement.
        face: which face, 1 the largest.
        aligned: whether it is aligned already.

    Raises:
        PieError: something cannot be read or written, or there is no face.
    """
    images.check_source(photo)
    record_path = out / "theta.json"
    with results.claimed(out):
        fetch.ensure(LANDMARKS68)
        stack = load(config, FIT)
        params = stack.params
        read = portraits.load_aligned if aligned else portraits.load_portrait
        portrait = read(photo, face)
        fitted = fit(_sight(stack.functions), params, portrait, num_steps)
        warn_hidden(photo, fitted)
        # Numbers of another face must not lie beside this one's pictures.
        record_path.unlink(missing_ok=True)
        model = params.face_model
        write_pictures(out, model, fitted.theta, portrait.aligned_u8)
        record = {
            "photo": photo.name,
            **describe(model, fitted),
            "refine": num_steps,
            "face_model": face_model_record(config, stack.functions.origins),
            "alignment": portrait.alignment.to_dict(),
        }
        records.write(record_path, record)


def _sight(functions: Functions) -> Sight:
    """MoFA, corrected; what is published stays as it is."""
    estimate = functions.networks.estimate
    if estimate is None:
        raise PieError("config.mofa is empty; name what estimates the face")
    if functions.config.mofa == "deep3d":
        return lambda params, image: estimate(params.mofa, image)
    return correction.corrected(estimate, functions.find_landmarks)


class Fitted(NamedTuple):
    """One face.

    Attributes:
        theta: without batch axes.
        errors: what is left (`training.reconstruction.errors`).
        hidden: names of parts that are (`covered.hidden`).
    """

    theta: FaceParams
    errors: dict[str, float]
    hidden: Sequence[str] = ()


def warn_hidden(photo: Path, fitted: Fitted) -> None:
    """Says what of a photograph's face is hidden, for the fit is wrong elsewhere too."""
    if fitted.hidden:
        logging.warning(
            "%s: the face model does not look like the photograph at the %s; if glasses, "
            "a mask, hair or a hand is there, pose, light and colours are wrong too: use "
            "a photograph that shows the whole face",
            photo,
            " and the ".join(fitted.hidden),
        )


def fit(see: Sight, params: Params, portrait: Portrait, num_steps: int) -> Fitted:
    """Fits the face model to a portrait.

    Args:
        see: where to begin.
        params: what it needs, and the face model.
        portrait: with landmarks.
        num_steps: of the refinement.
    """
    seen = portraits.to_target(portrait, RESOLUTION)
    image, landmarks = seen.image, seen.landmarks
    estimated = jax.jit(see)(params, image[None])
    theta = jax.tree.map(lambda x: x[0], estimated)
    model = params.face_model
    if num_steps:
        theta, _ = refine(model, theta, image, landmarks, num_steps=num_steps)
    left = jax.jit(errors)(model, theta, image, landmarks)
    return Fitted(
        theta,
        {name: float(value) for name, value in left.items()},
        covered.hidden(model, theta, image),
    )


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


def _numbers(values: Iterable[Any]) -> list[float]:
    """Python numbers of six decimals, with which nothing visible is lost."""
    return [round(float(value), 6) for value in values]


def _u8(image: Any) -> np.ndarray:
    """From [0, 1]."""
    return images.to_u8(2 * np.asarray(image) - 1)
