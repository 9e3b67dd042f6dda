"""How well a theta explains a picture: what MoFA and refinement minimise.

The loss of MoFA (Tewari et al., ICCV 2017, sec. 5): landmarks, colours at the visible
vertices, statistical priors; and weak priors on light, which MoFA leaves free.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import Rendering, render_vertices
from pie_jax.graphics.sampling import sample
from pie_jax.losses import prior
from pie_jax.losses.landmark import mean_distance
from pie_jax.losses.photometric import colour_error, photometric


@struct.dataclass
class Terms:
    """The terms of the loss, without weights; or their weights.

    Attributes:
        landmark: mean distance of the 66 landmarks to those given, in distances of
            the outer corners of the eyes.
        photometric: mean distance of the colours at visible vertices, RGB in [0, 1].
        identity: sum of squares, in standard deviations.
        reflectance: likewise.
        expression: likewise.
        tint: how far light is from white (`losses.prior`).
        direction: how far it is from coming from everywhere.
        negative: light that darkens.
    """

    landmark: Array | float
    photometric: Array | float
    identity: Array | float
    reflectance: Array | float
    expression: Array | float
    tint: Array | float
    direction: Array | float
    negative: Array | float


def total(weights: Terms, terms: Terms) -> Array:
    """The weighted sum."""
    weighted = jax.tree.map(jnp.multiply, weights, terms)
    return sum(jax.tree.leaves(weighted), start=jnp.zeros(()))


def reconstruction(
    model: Morphable, theta: FaceParams, image: Array, landmarks: Array
) -> Terms:
    """Compares faces `[...]` with pictures `[..., R, R, 3]`, RGB in [-1, 1], and their
    landmarks `[..., 68, 2]` in fractions of the frame: the terms, `[...]` each."""
    rendering, seen = _compare(model, theta, image)
    return Terms(
        landmark=_landmark_error(rendering, image, landmarks),
        photometric=photometric(rendering.colours, seen, rendering.visible),
        identity=prior.deviation(theta.identity),
        reflectance=prior.deviation(theta.reflectance),
        expression=prior.deviation(theta.expression),
        tint=prior.tint(theta.illumination),
        direction=prior.direction(theta.illumination),
        negative=prior.negative(rendering.shading),
    )


def errors(
    model: Morphable, theta: FaceParams, image: Array, landmarks: Array
) -> dict[str, Array]:
    """What a face leaves unexplained, as it is reported; args as of `reconstruction`.

    Returns:
        `landmark`, as there, and `colour`, the mean absolute error of colour values (in
        [0, 1]) over visible vertices; `[...]` each.
    """
    rendering, seen = _compare(model, theta, image)
    colours = jnp.clip(rendering.colours, 0, 1)
    return {
        "landmark": _landmark_error(rendering, image, landmarks),
        "colour": colour_error(colours, seen, rendering.visible),
    }


def _compare(
    model: Morphable, theta: FaceParams, image: Array
) -> tuple[Rendering, Array]:
    """The rendering, and what the picture shows in its vertices' places."""
    rendering = render_vertices(model, theta, image.shape[-2])
    return rendering, sample((image + 1) / 2, rendering.points)


def _landmark_error(rendering: Rendering, image: Array, landmarks: Array) -> Array:
    return mean_distance(rendering.landmarks / image.shape[-2], landmarks)
