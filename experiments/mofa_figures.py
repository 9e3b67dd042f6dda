"""Measures MoFA on pictures with dlib's landmarks."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments import mirroring, pnp
from pie_jax.core.images import from_255
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image
from pie_jax.training.reconstruction import errors

_CHUNK = 25
_RENDERED = 50


class Pictures(NamedTuple):
    """Aligned pictures `[S, H, H, 3]` uint8, and landmarks `[S, 68, 2]` in fractions
    of the frame."""

    image_u8: np.ndarray
    landmarks: np.ndarray


class Judge(NamedTuple):
    """The functions that are measured with; compiled once for a training.

    `params` are MoFA's, `image_u8` is `[B, H, H, 3]`.
    """

    model: Morphable
    estimate: Callable[[Any, Array], FaceParams]
    """`(params, image_u8) -> theta`."""
    errors: Callable[[FaceParams, Array, Array], dict[str, Array]]
    """`(theta, image_u8, landmarks) -> figures [B]`."""
    render: Callable[[FaceParams, Array], Array]
    """`(theta, behind [H, H, 3] in [0, 1]) -> image_u8`."""


def judge(model: Morphable, apply: Callable[[Any, Array], FaceParams]) -> Judge:
    """Binds and compiles.

    Args:
        model: the face model.
        apply: `(params, image [B, H, H, 3] in [-1, 1]) -> theta [B]`.
    """

    @jax.jit
    def estimate(params: Any, image_u8: Array) -> FaceParams:
        return apply(params, from_255(image_u8))

    def measure(model: Morphable, theta: FaceParams, image_u8: Array, landmarks: Array):
        return errors(model, theta, from_255(image_u8), landmarks)

    def render(model: Morphable, theta: FaceParams, behind: Array) -> Array:
        image, mask = render_image(model, theta, behind.shape[0])
        return jnp.rint(255 * (image * mask + behind * (1 - mask))).astype(jnp.uint8)

    return Judge(
        model,
        estimate,
        partial(jax.jit(measure), model),
        partial(jax.jit(render), model),
    )


def figures(judge: Judge, params: Any, pictures: Pictures) -> dict[str, float]:
    """Errors of MoFA.

    Returns:
        - `landmark`: mean 66-point distance to dlib's over the outer-eye distance.
        - `colour`: mean absolute error of colour values over visible vertices.
        - `mirror` and what begins with it: how far the mirrored picture's face is from
          the picture's face mirrored (`experiments.mirroring.differences`).
        - `yaw_agreement`: correlation of the yaw with a pose solved by PnP; absent for
          fewer than three pictures, and 0 if either yaw is the same everywhere.
        - `rendered`: mean angle in degrees by which the poses of rendered faces are
          missed: of each picture's face in the previous one's pose, before the mean of
          all pictures.
    """
    theta = estimate(judge, params, pictures.image_u8)
    mirrored = estimate(judge, params, pictures.image_u8[:, :, ::-1])
    found = mean_errors(judge, theta, pictures)
    found |= mirroring.differences(judge.model, theta, mirrored)
    if len(pictures.landmarks) > 2:
        solved = pnp.solve(judge.model, pictures.landmarks)
        found["yaw_agreement"] = correlation(theta.rotation[:, 1], solved[:, 1])
    return found | {"rendered": rendered_error(judge, params, pictures.image_u8, theta)}


def correlation(a: Array | np.ndarray, b: Array | np.ndarray) -> float:
    """Pearson's correlation of `[S]` and `[S]`; 0 if one of them is constant."""
    centred = [np.asarray(x, np.float64) - np.mean(x) for x in (a, b)]
    spread = np.linalg.norm(centred[0]) * np.linalg.norm(centred[1])
    return float(centred[0] @ centred[1] / spread) if spread else 0.0


def mean_errors(
    judge: Judge, theta: FaceParams, pictures: Pictures
) -> dict[str, float]:
    """`landmark` and `colour` (see `figures`) of faces `[S]`."""
    found: dict[str, list] = {}
    for part in _chunks(len(pictures.image_u8)):
        values = judge.errors(
            _take(theta, part), *(jnp.asarray(x[part]) for x in pictures)
        )
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.concatenate(x).mean()) for name, x in found.items()}


def estimate(judge: Judge, params: Any, image_u8: np.ndarray) -> FaceParams:
    """Theta of all pictures, NumPy arrays `[S, ...]`."""
    parts = (jnp.asarray(image_u8[x]) for x in _chunks(len(image_u8)))
    found = [judge.estimate(params, part) for part in parts]
    return jax.tree.map(lambda *x: np.concatenate(x), *found)


def rendered_error(
    judge: Judge, params: Any, image_u8: np.ndarray, theta: FaceParams
) -> float:
    """See `figures`."""
    behind = image_u8.mean(axis=0, dtype=np.float32) / 255
    turned = np.roll(theta.rotation, 1, axis=0)
    known = dataclasses.replace(theta, rotation=jnp.asarray(turned))
    known = _take(known, slice(_RENDERED))
    parts = _chunks(len(known.rotation))
    rendered_u8 = [judge.render(_take(known, part), behind) for part in parts]
    found = estimate(judge, params, np.concatenate(rendered_u8))
    return mirroring.mean_angle(found.rotation, known.rotation)


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]


def _take(theta: FaceParams, part: slice) -> FaceParams:
    return jax.tree.map(lambda x: x[part], theta)
