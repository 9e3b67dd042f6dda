"""Whether something hides the face that the model was fitted to: sunglasses, a mask.

The model explains what is there by light, pose and skin, but it has eyes and a mouth in
their places. Where the picture has none, the two have nothing in common.
"""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jax import Array

from pie_jax.core.images import downsample
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image, render_vertices

LEAST = 0.4
"""Correlation of brightness below which an eye or the mouth counts as hidden."""

_PARTS: Mapping[str, Sequence[range]] = {
    "eyes": (range(36, 42), range(42, 48)),
    "mouth": (range(48, 68),),
}
_AROUND = np.array([1.5, 2.2])  # sizes of the part, across and down, that are compared
_REDUCED = 2  # so that single pixels do not count


def hidden(model: Morphable, theta: FaceParams, image: Array) -> list[str]:
    """Names what is hidden of "eyes" and "mouth".

    Args:
        model: the face model.
        theta: one face, without batch axes.
        image: `[R, R, 3]` RGB in [-1, 1], what it was fitted to.
    """
    return [name for name, x in likeness(model, theta, image).items() if x < LEAST]


def likeness(model: Morphable, theta: FaceParams, image: Array) -> dict[str, float]:
    """Correlation, [-1, 1], of picture and model at the eyes (the less like one), mouth.

    Args as of `hidden`.
    """
    picture = (image + 1) / 2
    size = image.shape[0]
    face, mask = jax.jit(render_image, static_argnums=2)(model, theta, size)
    found = jax.jit(render_vertices, static_argnums=2)(model, theta, size).landmarks
    pair = [
        np.asarray(downsample(x, _REDUCED)).mean(axis=-1)
        for x in (picture, face * mask + picture * (1 - mask))
    ]
    points = np.asarray(found) / _REDUCED
    return {
        name: min(_correlation(pair, points[list(part)]) for part in parts)
        for name, parts in _PARTS.items()
    }


def _correlation(pair: Sequence[np.ndarray], points: np.ndarray) -> float:
    """Of two pictures `[S, S]` around points; 0 where one of them is of one colour."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low) * _AROUND / 2
    middle, last = (low + high) / 2, len(pair[0])
    first = np.clip(np.floor(middle - half).astype(int), 0, last - 2)
    end = np.clip(np.ceil(middle + half).astype(int), first + 2, last)
    picture, face = (x[first[1] : end[1], first[0] : end[0]] for x in pair)
    picture, face = picture - picture.mean(), face - face.mean()
    spread = np.sqrt((picture**2).sum() * (face**2).sum())
    return float((picture * face).sum() / spread) if spread > 1e-6 else 0.0
