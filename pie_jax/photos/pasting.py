"""An aligned portrait back into the full photograph."""

import numpy as np
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.photos.alignment import Alignment, cut

BORDER = 0.08
"""Width of the strip along the picture's outline, in its sides, in which it fades."""


_SIDE = 64
"""Pixels on a side of the pictures by which photographs are compared."""
_OTHER = 8.0
"""Mean difference in levels from which on they are two. Of eleven portraits, JPEG of quality
10 makes at most 4.5; another one at the same place, the same person's too, 19 and more."""


def check_photo(
    photo_u8: np.ndarray, placed: Alignment, aligned_u8: np.ndarray | None
) -> None:
    """Raises PieError unless a picture was cut from a photograph, or a copy of that.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        placed: where the picture lies in it.
        aligned_u8: `[S, S, 3]` uint8 RGB, the picture; only sizes count without it.
    """
    height, width = photo_u8.shape[:2]
    if (width, height) != placed.photo_size:
        raise PieError(
            f"the photograph is {width} x {height}, and the one that was embedded "
            f"{placed.photo_size[0]} x {placed.photo_size[1]}; name that one"
        )
    if aligned_u8 is None:
        return
    there = cut(photo_u8, placed.quad, placed.size)
    small = [
        np.asarray(Image.fromarray(x).resize((_SIDE, _SIDE)), np.float32)
        for x in (there, aligned_u8)
    ]
    if np.abs(small[0] - small[1]).mean() > _OTHER:
        raise PieError(
            "the photograph shows something else at the place of the face, so it is not "
            "the one that was embedded; name that one"
        )


def paste(
    photo_u8: np.ndarray, placed: Alignment, picture_u8: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Lays a picture on the photograph that it was cut from.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB.
        placed: where the picture lies in it.
        picture_u8: `[R, R, 3]` uint8 RGB.
        mask: `[R, R]` in [0, 1], where the picture differs from the photograph; it
            fades towards the outline in any case, where it would leave an edge.

    Returns:
        `[H, W, 3]` uint8; where the mask is 0, the photograph to the last bit.
    """
    low, high = _bounds(placed)
    opaque = np.float32(mask * outline(len(mask)))
    layers = [Image.fromarray(picture_u8[..., i]) for i in range(3)]
    *colours, weight = (
        _in_photo(layer, placed, low, high)
        for layer in (*layers, Image.fromarray(opaque))
    )
    pasted = photo_u8.copy()
    part = pasted[low[1] : high[1], low[0] : high[0]]
    below = part.astype(np.float32)
    above = np.clip(np.stack(colours, axis=-1), 0, 255)
    blended = below + np.clip(weight, 0, 1)[..., None] * (above - below)
    part[...] = np.rint(blended).astype(np.uint8)
    return pasted


def uncover(
    photo_u8: np.ndarray, photo_rgba: np.ndarray, pasted_u8: np.ndarray
) -> np.ndarray:
    """Makes what was pasted on a transparent photograph as transparent as that.

    Args:
        photo_u8: `[H, W, 3]` uint8 RGB, the photograph on white.
        photo_rgba: `[H, W, 4]` uint8, the photograph.
        pasted_u8: `[H, W, 3]` uint8 RGB, with the picture on it.

    Returns:
        `[H, W, 4]` uint8, which on white is what was pasted.
    """
    uncovered = photo_rgba.copy()
    changed = (pasted_u8 != photo_u8).any(axis=-1) & (photo_rgba[..., 3] > 0)
    opacity = photo_rgba[changed, 3:].astype(np.float32) / 255
    colours = 255 - (255 - pasted_u8[changed].astype(np.float32)) / opacity
    uncovered[changed, :3] = np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
    return uncovered


def outline(size: int, border: float = BORDER) -> np.ndarray:
    """1 inside a picture, smoothly 0 at its outline: `[size, size]`."""
    pixel = np.arange(size) + 0.5
    depth = np.minimum(pixel, size - pixel) / (border * size)
    rise = np.clip(depth, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return np.minimum(rise[:, None], rise[None, :])


def _bounds(placed: Alignment) -> tuple[np.ndarray, np.ndarray]:
    """The part of the photograph that the picture covers: first, and after last."""
    low = np.floor(placed.quad.min(0)).astype(int)
    high = np.ceil(placed.quad.max(0)).astype(int) + 1
    size = np.array(placed.photo_size)
    return np.clip(low, 0, size), np.clip(high, 0, size)


def _in_photo(
    layer: Image.Image, placed: Alignment, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """One channel of the picture at the photograph's pixels."""
    side = float(np.linalg.norm(placed.quad[3] - placed.quad[0]))
    reduced = max(1, min(layer.width, round(side)))
    # In floats, so that interpolation does not round twice.
    layer = layer.convert("F").resize((reduced, reduced), Image.Resampling.LANCZOS)
    origin, right, down = placed.to_aligned(np.array([[0, 0], [1, 0], [0, 1]]) + low)
    scale = reduced / placed.size
    x, y = (right - origin) * scale, (down - origin) * scale
    # Pillow counts from the outline, and looks pixels up at their centres.
    start = (origin + 0.5) * scale - (x + y) / 2
    rows = np.column_stack([x, y, start])
    size = tuple(np.maximum(high - low, 0).tolist())
    moved = layer.transform(
        size, Image.Transform.AFFINE, rows.ravel().tolist(), Image.Resampling.BICUBIC
    )
    return np.asarray(moved)
