"""Random variations of training pictures, from a generator's towards a camera's.

Arrays of one picture, without a batch axis: use `jax.vmap`, with a key for each.
"""

import jax
import jax.numpy as jnp
from jax import Array

from pie_jax.core.images import sample_affine
from pie_jax.core.numerics import matmul

_GREY = (0.299, 0.587, 0.114)


def recolour(key: Array, image: Array, strength: float) -> Array:
    """Another exposure of `[H, W, 3]` in [-1, 1]: gamma, contrast, brightness, cast and
    saturation.

    The strength 1 goes as far as old and dark photographs do, and leaves one picture in
    ten without colour; 0 changes nothing.
    """
    key_gamma, key_gain, key_shift, key_colour, key_grey = jax.random.split(key, 5)
    x = jnp.clip((image + 1) / 2, 1e-3, 1)
    x = x ** jnp.exp(0.3 * strength * jax.random.normal(key_gamma))
    gain = jnp.exp(0.1 * strength * jax.random.normal(key_gain, (3,)))
    x = x * gain + 0.05 * strength * jax.random.normal(key_shift)
    grey = (x @ jnp.asarray(_GREY, x.dtype))[..., None]
    colour = 1 + 0.3 * strength * jax.random.normal(key_colour)
    colour = jnp.where(jax.random.bernoulli(key_grey, 0.1 * strength), 0, colour)
    return jnp.clip(2 * (grey + colour * (x - grey)) - 1, -1, 1)


def darken_side(key: Array, image: Array, strength: float) -> Array:
    """Light from one side: half of the pictures `[H, W, 3]` in [-1, 1] fall off along
    some direction; the middle keeps its brightness.

    At the strength 1 the light changes, in one deviation, by a factor of e over half of
    the frame, about a face's width; 0 changes nothing.
    """
    key_slope, key_half = jax.random.split(key)
    slope = 2 * strength * jax.random.normal(key_slope, (2,))
    slope = jnp.where(jax.random.bernoulli(key_half), slope, 0)
    y, x = (jnp.linspace(-0.5, 0.5, length) for length in image.shape[:2])
    light = jnp.exp(slope[0] * x + slope[1] * y[:, None])
    return jnp.clip(light[..., None] * (image + 1), 0, 2) - 1


def roughen(key: Array, image: Array) -> Array:
    """A worse camera: another focus, then noise; `[H, W, 3]` in [-1, 1], then a little
    beyond where the noise leads there."""
    key_focus, key_level, key_noise = jax.random.split(key, 3)
    # From sharpened by half of what the binomial blur takes away, to that blur itself.
    focus = jax.random.uniform(key_focus, minval=-0.5, maxval=1.0)
    x = image + focus * (_blur(image) - image)
    level = 0.06 * jax.random.uniform(key_level) ** 2
    return x + level * jax.random.normal(key_noise, x.shape)


def move(
    key: Array, image: Array, landmarks: Array, strength: float
) -> tuple[Array, Array]:
    """Turns, scales and shifts a picture with its landmarks.

    Args:
        key: used once.
        image: `[S, S, 3]`; where the result shows what lies beyond, its edge repeats.
        landmarks: `[K, 2]` in fractions of the frame.
        strength: 1 has deviations of 6 degrees, 6 %, and 3 % of the frame.

    Returns:
        `[S, S, 3]` and `[K, 2]`.
    """
    key_turn, key_scale, key_shift = jax.random.split(key, 3)
    turn = 0.1 * strength * jax.random.normal(key_turn)
    scale = jnp.exp(0.06 * strength * jax.random.normal(key_scale))
    cos, sin = scale * jnp.cos(turn), scale * jnp.sin(turn)
    linear = jnp.array([[cos, -sin], [sin, cos]])  # from the new picture to the old
    shift = 0.03 * strength * jax.random.normal(key_shift, (2,)) + 0.5
    moved = _turn(landmarks - shift, jnp.linalg.inv(linear)) + 0.5
    size = image.shape[0]
    # The same map for pixels, whose centres are at whole numbers.
    offset = size * shift - 0.5 + _turn(jnp.full(2, 0.5 - size / 2), linear)
    matrix = jnp.concatenate([linear, offset[:, None]], axis=1)
    return sample_affine(image, matrix, size), moved


def _turn(points: Array, linear: Array) -> Array:
    """Applies `[2, 2]` to `[..., 2]`, in float32 also where matrices are rounded."""
    return matmul(points, linear.T)


def _blur(image: Array) -> Array:
    """The binomial window (1, 4, 6, 4, 1) / 16 along both axes; edges repeat."""
    for axis in (0, 1):
        for _ in range(2):  # (1, 2, 1) / 4 twice
            image = _blur_once(image, axis)
    return image


def _blur_once(image: Array, axis: int) -> Array:
    margins = [(0, 0)] * image.ndim
    margins[axis] = (1, 1)
    padded = jnp.pad(image, margins, mode="edge")
    size = image.shape[axis]
    before, after = (
        jax.lax.slice_in_dim(padded, start, start + size, axis=axis) for start in (0, 2)
    )
    return (before + 2 * image + after) / 4
