"""Keeps the photograph where an expression moves nothing.

Codes are edited as a whole: a mouth that opens takes hair and eyes along. The face model
knows which parts of a face an expression moves; all else is the photograph's own, and the
seam runs where both pictures agree (`editing.background`).
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from pie_jax.core.numerics import norm
from pie_jax.core.theta import FaceParams
from pie_jax.editing import background
from pie_jax.face import render
from pie_jax.face.morphable import Morphable

_SLIGHT = 0.5
"""Pixels of 256 by which a place surely moves."""
_HOLE = 12
"""Pixels of 256: half of the widest hole that is filled, for the model has no teeth."""
_COARSEST = 16
"""Pixels on a side of the blend's coarsest band: within a face colours mix over 1 / 16
of a side."""


def moved(model: Morphable, own: FaceParams, target: FaceParams, size: int) -> Array:
    """Where an expression moves a face, before or after: `[S, S]` in [0, 1].

    Args:
        own: `[1]`, the portrait's theta, where its landmarks lie.
        target: `[1]`, whose expression is asked for.
        size: S, pixels on a side.
    """
    to = dataclasses.replace(own, expression=target.expression)
    faces = [render.render_vertices(model, x, size, occlusion=False) for x in (own, to)]
    way = norm(faces[0].points - faces[1].points)[..., None]
    share = jnp.clip(way * 256 / size / _SLIGHT, 0, 1)
    drawn = [render.paint(model, x, share, size)[0] for x in faces]
    either = jnp.maximum(*drawn)[0, ..., 0]
    return 1 - background.widened(1 - background.widened(either, _HOLE), _HOLE)


def kept(photo: Array, edited: Array, moves: Array) -> tuple[Array, Array]:
    """An edit that is the photograph where nothing moves.

    Args:
        photo: `[R, R, 3]` RGB in [-1, 1], R a power of two.
        edited: `[R, R, 3]`, with the head where the photograph's is.
        moves: `[S, S]`, as of `moved`.

    Returns:
        The picture `[R, R, 3]`, and where it is not the photograph, `[S, S]` in [0, 1].
    """
    mask = background.seam(edited, photo, moves, jnp.ones_like(moves))
    levels = max(1, (len(photo) // _COARSEST).bit_length() - 1)
    whole = background.enlarge(mask, len(photo))
    reached = background.widened(mask, 2 * 256 / _COARSEST)
    return background.blend(edited, photo, whole, levels), reached
