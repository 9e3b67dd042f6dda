"""How far an estimate is from the mirror image of another."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy import spatial

from experiments.parts import in_parts
from pie_jax.core import rotations
from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable

_TURN = np.array([1.0, -1.0, -1.0])
_FLIP = np.array([-1.0, 1.0, 1.0])
# Harmonics in the order of `graphics.shading`; those odd in x are x, xy and xz.
_LIGHT = np.array([1.0, 1, 1, -1, -1, 1, 1, -1, 1])
# Vertices whose mirror image is further from any vertex have no other side.
_APART = 0.01


def differences(
    model: Morphable, theta: FaceParams, mirrored: FaceParams
) -> dict[str, float]:
    """Compares faces `[S]` with those of the mirrored pictures, after mirroring them.

    Returns:
        Means over faces:

        - `mirror`: the angle between the poses, in degrees.
        - `mirror_translation`: the distance of the places, in decimetres.
        - `mirror_light`: the absolute difference of the light's coefficients.
        - `mirror_geometry`: the distance of vertices in the model frame, of identity
          and expression, in decimetres; only if the model is symmetric.
    """
    moved = mirrored.translation - theta.translation * _FLIP
    light = mirrored.illumination - theta.illumination * _LIGHT.repeat(3)
    found = {
        "mirror": mean_angle(mirrored.rotation, theta.rotation * _TURN),
        "mirror_translation": float(np.linalg.norm(moved, axis=-1).mean()),
        "mirror_light": float(np.abs(light).mean()),
    }
    pairs = other_sides(model)
    if pairs is None:
        return found

    @jax.jit
    def apart(model: Morphable, a: FaceParams, b: FaceParams) -> Array:
        here, there = (
            morphable.vertices(model, x.identity, x.expression) for x in (a, b)
        )
        return jnp.linalg.norm(there - here[:, pairs] * _FLIP, axis=-1)

    distances = in_parts(lambda a, b: apart(model, a, b), theta, mirrored)
    return found | {"mirror_geometry": float(distances.mean())}


def mean_angle(a: Array | np.ndarray, b: Array | np.ndarray) -> float:
    """Degrees between rotations `[S, 3]`."""
    turns = (rotations.matrix(jnp.asarray(x, jnp.float32)) for x in (a, b))
    return float(np.rad2deg(rotations.angle(*turns)).mean())


def other_sides(model: Morphable) -> np.ndarray | None:
    """`[V]`, for each vertex the one on the other side; None if some have none."""
    mean = np.asarray(model.mean)
    gap, pairs = spatial.KDTree(mean).query(mean * _FLIP)
    symmetric = np.array_equal(pairs[pairs], np.arange(len(pairs)))
    return pairs if symmetric and gap.max() < _APART else None
