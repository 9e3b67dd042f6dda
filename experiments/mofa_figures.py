"""Measures MoFA on pictures with dlib's landmarks."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments import mirroring, pnp, real_portraits, samples
from pie_jax.core.images import from_255
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image
from pie_jax.networks.mofa import SIZE
from pie_jax.training.reconstruction import errors

_CHUNK = 25
_RENDERED = 50


class Pictures(NamedTuple):
    """Aligned pictures `[S, H, H, 3]` uint8, and landmarks `[S, 68, 2]` in fractions
    of the frame."""

    image_u8: np.ndarray
    landmarks: np.ndarray


def picture_sets(
    held_out: samples.Samples, portraits: Sequence[Path]
) -> dict[str, Pictures]:
    """What MoFA is measured on, at the size of what it sees, by name of the set.

    Args:
        held_out: samples that it was not trained on.
        portraits: photographs; there may be none.
    """
    small_u8 = samples.shrink(held_out.image_u8, SIZE)
    real = real_portraits.load(portraits, SIZE)
    return {
        "held_out": Pictures(small_u8, held_out.landmarks),
        "real": Pictures(real.image_u8, real.landmarks),
    }


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
        - `yaw_agreement`: correlation of the yaw with that solved by PnP with the mean
          head, and `yaw_agreement_own_head`, with the heads that MoFA sees; absent for
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
        for suffix, heads in (("", None), ("_own_head", theta)):
            solved = pnp.solve(judge.model, pictures.landmarks, heads)
            agreement = correlation(theta.rotation[:, 1], solved[:, 1])
            found[f"yaw_agreement{suffix}"] = agreement
    return found | {"rendered": rendered_error(judge, params, pictures.image_u8, theta)}


def figures_of_sets(
    judge: Judge, params: Any, sets: Mapping[str, Pictures]
) -> dict[str, float]:
    """`figures` of each set that has pictures, under `SET_FIGURE`."""
    return {
        f"{name}_{figure}": value
        for name, pictures in sets.items()
        if len(pictures.image_u8)
        for figure, value in figures(judge, params, pictures).items()
    }


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
