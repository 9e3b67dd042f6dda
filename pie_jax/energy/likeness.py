"""How far a picture is from what a theta looks like: l(I', theta) (PIE, eq. 10).

The rendering is MoFA's, vertex by vertex (`face.render`); colours are compared where a
vertex is visible, which stands for the paper's foreground pixels.
"""

from jax import Array

from pie_jax.core.images import downsample
from pie_jax.core.theta import FaceParams
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_vertices
from pie_jax.graphics.sampling import sample
from pie_jax.losses.landmark import squared_distance
from pie_jax.losses.photometric import foreground

SIZE = 128
"""Pixels on a side at which colours are compared: then the face has about two pixels
for each visible vertex, so no pixel is skipped. MoFA was trained so, too."""


def reduced(image: Array) -> Array:
    """A picture `[R, R, 3]` at the size at which colours are compared; R is a multiple
    of `SIZE`, or smaller and left as it is."""
    return downsample(image, max(image.shape[0] // SIZE, 1))


def photometric(model: Morphable, theta: FaceParams, image: Array) -> Array:
    """The first part of l, without its weight, of one face and a picture `[S, S, 3]`
    RGB in [-1, 1]: a scalar (`losses.photometric.foreground`)."""
    rendering = render_vertices(model, theta, image.shape[0])
    seen = sample((image + 1) / 2, rendering.points)
    return foreground(rendering.colours, seen, rendering.visible)


def landmark(model: Morphable, theta: FaceParams, landmarks: Array) -> Array:
    """The second part of l, without its weight, of one face and a picture's landmarks
    `[68, 2]` in fractions of the frame: a scalar (`losses.landmark.squared_distance`).
    """
    rendering = render_vertices(model, theta, resolution=1)
    return squared_distance(rendering.landmarks, landmarks)
