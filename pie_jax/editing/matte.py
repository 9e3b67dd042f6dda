"""Tells a head with its hair from all else, by colours and by where heads are.

Two colour histograms, of the head and of all else, are estimated in turns with
each pixel's share in them (Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004, with
shares for labels), beginning from where the face model is; shares follow the edges of
the picture by a guided filter (He, Sun and Tang, "Guided Image Filtering", ECCV 2010).
No network is needed. Where both have one colour it can be wrong, and there a wrong
border is hardly seen. Better is a linear function of a generator's features that was
trained to give the same (`sharpened`): what is wrong once is not wrong on average.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax

from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.graphics import camera

_BINS = 16  # of each colour channel
_ROUNDS = 6
_BELIEF = 2.5  # the most, in logarithms of odds, that place counts against colour
# In units of the projected face, sqrt(2) times its deviations along x and y: where a
# head with hair ends, and how uncertain that is; ...
_END, _SOFT = 1.6, 0.4
_FOREHEAD = 1.3  # ... the forehead's height, where the model ends;
_UP, _TALL = 0.7, 1.3  # ... a head with hair, about the face;
_SURE = 1.05  # ... where there is only face, from its middle.
_CONTRAST = 2.0  # that the estimate lacks, for it was trained on doubtful shares
_RADIUS, _SMOOTH = 4, 3e-3  # of the guided filter: pixels; variance of colours


def matte(model: Morphable, theta: FaceParams, image: Array) -> Array:
    """Each pixel's share `[R, R]` in the head, in [0, 1].

    Args:
        theta: what it looks like in the picture, without batch axes.
        image: `[R, R, 3]` RGB in [-1, 1], small: R about 256.
    """
    distance, belief = _places(model, theta, len(image))
    bins = _bins(image)
    share = jax.nn.sigmoid(2 * belief)
    for _ in range(_ROUNDS):
        colour = jnp.log(_likelihood(bins, share) / _likelihood(bins, 1 - share))
        odds = belief + jnp.clip(colour, -5, 5)
        share = jnp.where(distance < _SURE, 1.0, jax.nn.sigmoid(odds))
        share = jnp.clip(guided(image, share, _RADIUS, _SMOOTH), 0, 1)
    return jnp.where(distance < _SURE, 1.0, share)


def sharpened(logits: Array, image: Array) -> Array:
    """Shares `[R, R]` in [0, 1] from a coarse estimate, with the picture's edges.

    Args:
        logits: `[s, s]`, logarithms of the odds that a place is the head's.
        image: `[R, R, 3]` RGB in [-1, 1], small: R about 256.
    """
    fine = jax.image.resize(logits, image.shape[:2], "cubic")
    share = jax.nn.sigmoid(_CONTRAST * fine)
    return jnp.clip(guided(image, share, _RADIUS, _SMOOTH / 3), 0, 1)


def _places(model: Morphable, theta: FaceParams, size: int) -> tuple[Array, Array]:
    """Distances to the face's middle, and the odds' logarithms by place alone."""
    vertices = morphable.vertices(model, theta.identity, theta.expression)
    points = camera.project(morphable.placed(theta, vertices), model.camera, size)
    centre, spread = jnp.mean(points, axis=0), jnp.std(points, axis=0)
    y, x = jnp.mgrid[:size, :size] + 0.5
    x, y = ((p - centre[i]) / (2**0.5 * spread[i]) for i, p in enumerate((x, y)))
    face = jnp.hypot(x, jnp.where(y < 0, y / _FOREHEAD, y))
    head = jnp.hypot(x, (y + _UP) / _TALL)
    return face, jnp.clip((_END - head) / _SOFT, -_BELIEF, _BELIEF)


def _bins(image: Array) -> Array:
    """The number of each pixel's colour."""
    levels = jnp.clip((image + 1) / 2 * _BINS, 0, _BINS - 1).astype(jnp.int32)
    return levels @ jnp.asarray([_BINS**2, _BINS, 1])


def _likelihood(bins: Array, share: Array) -> Array:
    """How usual each pixel's colour is among those that have shares."""
    histogram = jnp.zeros(_BINS**3).at[bins].add(share).reshape((_BINS,) * 3)
    # Neighbouring colours are alike: else the histogram learns the first guess.
    smooth = histogram
    for axis in range(3):
        margins = [(1, 1) if i == axis else (0, 0) for i in range(3)]
        padded = jnp.pad(smooth, margins)
        below, same, above = (
            lax.slice_in_dim(padded, i, i + _BINS, axis=axis) for i in range(3)
        )
        smooth = 0.25 * below + 0.5 * same + 0.25 * above
    flat = smooth.reshape(-1) / jnp.sum(smooth) + 1e-5
    return flat[bins]


def guided(image: Array, values: Array, radius: int, smooth: float) -> Array:
    """Smooths values `[H, W]` where the picture is even, and keeps its edges.

    They become in each window, whose radius is in pixels, a linear function of the
    colours. Where their variance is below `smooth` a window counts as even.
    """
    mean_image, mean = box(image, radius), box(values[..., None], radius)
    products = box(image * values[..., None], radius) - mean_image * mean
    pairs = image[..., :, None] * image[..., None, :]
    covariance = box(pairs.reshape(*values.shape, 9), radius).reshape(pairs.shape)
    covariance -= mean_image[..., :, None] * mean_image[..., None, :]
    slope = jnp.linalg.solve(covariance + smooth * jnp.eye(3), products[..., None])
    constant = mean[..., 0] - jnp.sum(slope[..., 0] * mean_image, axis=-1)
    slope, constant = box(slope[..., 0], radius), box(constant[..., None], radius)
    return jnp.sum(slope * image, axis=-1) + constant[..., 0]


def box(image: Array, radius: int) -> Array:
    """Means over windows of 2 radius + 1 pixels, `[H, W, C]`; edge pixels repeat."""
    margins = ((radius, radius), (radius, radius), (0, 0))
    window = (2 * radius + 1, 2 * radius + 1, 1)
    padded = jnp.pad(image, margins, mode="edge")
    total = lax.reduce_window(padded, 0.0, lax.add, window, (1, 1, 1), "VALID")
    return total / window[0] ** 2
