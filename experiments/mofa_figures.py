"""Measures MoFA on pictures with dlib's landmarks."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments import mirroring, pnp
from experiments.parts import in_parts
from experiments.picture_sets import Pictures
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Estimate
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image
from pie_jax.training.reconstruction import errors

_RENDERED = 50


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


def judge(model: Morphable, apply: Estimate) -> Judge:
    """Binds and compiles."""

    @jax.jit
    def estimate(params: Any, image_u8: Array) -> FaceParams:
        return apply(params, from_255(image_u8))

    @jax.jit
    def measure(model: Morphable, theta: FaceParams, image_u8: Array, landmarks: Array):
        return errors(model, theta, from_255(image_u8), landmarks)

    @jax.jit
    def render(model: Morphable, theta: FaceParams, behind: Array) -> Array:
        image, mask = render_image(model, theta, behind.shape[0])
        return jnp.rint(255 * (image * mask + behind * (1 - mask))).astype(jnp.uint8)

    return Judge(model, estimate, partial(measure, model), partial(render, model))


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
    """`figures` of each set, under `SET_FIGURE`."""
    return {
        f"{name}_{figure}": value
        for name, pictures in sets.items()
        for figure, value in figures(judge, params, pictures).items()
    }


def correlation(a: Array | np.ndarray, b: Array | np.ndarray) -> float:
    """Pearson's correlation of `[S]` and `[S]`; 0 if one of them is constant."""
    constant = min(np.ptp(a), np.ptp(b)) == 0
    return 0.0 if constant else float(np.corrcoef(a, b)[0, 1])


def mean_errors(
    judge: Judge, theta: FaceParams, pictures: Pictures
) -> dict[str, float]:
    """`landmark` and `colour` (see `figures`) of faces `[S]`."""
    found = in_parts(judge.errors, theta, *pictures)
    return {name: float(x.mean()) for name, x in found.items()}


def estimate(judge: Judge, params: Any, image_u8: np.ndarray) -> FaceParams:
    """Theta of all pictures, NumPy arrays `[S, ...]`."""
    return in_parts(partial(judge.estimate, params), image_u8)


def rendered_error(
    judge: Judge, params: Any, image_u8: np.ndarray, theta: FaceParams
) -> float:
    """See `figures`."""
    behind = image_u8.mean(axis=0, dtype=np.float32) / 255
    known = dataclasses.replace(theta, rotation=jnp.roll(theta.rotation, 1, axis=0))
    known = jax.tree.map(lambda x: x[:_RENDERED], known)
    rendered_u8 = in_parts(lambda face: judge.render(face, behind), known)
    found = estimate(judge, params, rendered_u8)
    return mirroring.mean_angle(found.rotation, known.rotation)
