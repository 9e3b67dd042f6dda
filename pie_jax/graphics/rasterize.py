"""Rasterises triangle meshes with a depth buffer.

Convention: pixels are (x right, y down), pixel centres at .5. Only triangles whose
corners run counter-clockwise as the viewer sees them are drawn: the outside of a mesh.
A pixel belongs to a triangle if its centre lies inside; a centre on an edge or corner
that several triangles share belongs to exactly one of them, so that there are neither
cracks nor pixels drawn twice.

For pictures, not for energies: what is seen where has no gradient. Vertex attributes
that are interpolated have one.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array, lax

_BLOCK = 16
"""Side of the squares of pixels that are visited at once. With 8, a picture of 512
pixels takes almost twice as long; with 16, half of the time is the loop's own."""

_SUBPIXELS = 16
"""Corners are rounded to this fraction of a pixel. Then edge functions, which are
differences multiplied, are exact in float32 for triangles up to 256 pixels wide, and a
centre on an edge is known to be on it."""


@struct.dataclass
class Raster:
    """What is seen in each pixel.

    Attributes:
        triangle: `[..., H, W]` int32, -1 for background.
        barycentric: `[..., H, W, 3]`, weights of the triangle's corners, corrected for
            perspective; 0 for background.
        depth: `[..., H, W]`, infinite for background.
    """

    triangle: Array
    barycentric: Array
    depth: Array


def rasterize(points: Array, depth: Array, triangles: Array, resolution: int) -> Raster:
    """Finds the nearest triangle of every pixel.

    One triangle after the other, as suits a CPU. Going through the picture by tiles, with
    a list of triangles for each, took 20 to 40 times as long.

    Args:
        points: `[..., V, 2]`, vertices in pixels.
        depth: `[..., V]`, distance along the camera's axis. Triangles are not clipped:
            one with a corner at 0 or behind the camera is left out.
        triangles: `[T, 3]` int32, at most 2^24.
        resolution: H and W in pixels.

    Returns:
        The raster. Of triangles at equal depth the first one is seen.
    """
    points, depth = lax.stop_gradient((points, depth))
    points = jnp.round(points.astype(jnp.float32) * _SUBPIXELS) / _SUBPIXELS
    depth = depth.astype(jnp.float32)
    # Mapped as a batch, the loop below would copy the whole picture at every step.
    single = jax.custom_batching.sequential_vmap(
        functools.partial(_rasterize, resolution=resolution)
    )
    for _ in depth.shape[:-1]:
        single = jax.vmap(single, (0, 0, None))
    return single(points, depth, jnp.asarray(triangles, jnp.int32))


def interpolate(raster: Raster, attributes: Array, triangles: Array) -> Array:
    """Spreads vertex attributes `[V, C]` over the pixels of one raster, without batch
    axes: `[H, W, C]`, 0 for background. Differentiable by the attributes; `triangles`
    are those that were rasterised."""
    # For the background this takes any triangle, whose weights are 0.
    corners = triangles[raster.triangle]
    parts = [
        raster.barycentric[..., k, None] * attributes[corners[..., k]] for k in range(3)
    ]
    return functools.reduce(jnp.add, parts)


class _Queue(NamedTuple):
    """The triangles to draw are the first `length` rows of its arrays."""

    length: Array
    triangle: Array  # [T], its index, as a float
    edges: Array  # [T, 3, 6], see _edges
    blocks: Array  # [T, 4], x and y of the first pixel, columns, number of blocks


@functools.partial(jax.jit, static_argnames="resolution")
def _rasterize(
    points: Array, depth: Array, triangles: Array, resolution: int
) -> Raster:
    buffer = _draw(_queue(points, depth, triangles, resolution), resolution)
    nearness, triangle = buffer[0], buffer[1].astype(jnp.int32)
    covered = triangle >= 0
    corners = triangles[triangle]
    weights = _barycentric(
        [points[corners[..., k]] for k in range(3)],
        [depth[corners[..., k]] for k in range(3)],
    )
    return Raster(
        triangle=triangle,
        barycentric=jnp.where(covered[..., None], weights, 0),
        depth=jnp.where(covered, 1 / jnp.where(covered, nearness, 1), jnp.inf),
    )


def _barycentric(points: list[Array], depth: list[Array]) -> Array:
    """Weights of three corners `[H, W, 2]` in every pixel, `[H, W, 3]`."""
    height, width = depth[0].shape
    x = jnp.arange(width, dtype=jnp.float32)[None, :] + 0.5
    y = jnp.arange(height, dtype=jnp.float32)[:, None] + 0.5
    weights = []
    for k in range(3):
        a, b = points[(k + 1) % 3], points[(k + 2) % 3]
        area = (a[..., 0] - x) * (b[..., 1] - y) - (a[..., 1] - y) * (b[..., 0] - x)
        weights.append(area / depth[k])
    total = sum(weights)
    safe = jnp.where(total == 0, 1, total)  # triangles of background pixels
    return jnp.stack(weights, axis=-1) / safe[..., None]


def _draw(queue: _Queue, resolution: int) -> Array:
    """Inverse depth and triangle of each pixel: `[2, H, W]`."""

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        item, block, buffer = state
        x, y, columns, count = queue.blocks[item]
        x += _BLOCK * lax.rem(block, columns)
        y += _BLOCK * lax.div(block, columns)
        corner = (jnp.int32(0), y, x)
        before = lax.dynamic_slice(buffer, corner, (2, _BLOCK, _BLOCK))
        after = _draw_block(queue.triangle[item], queue.edges[item], x, y, before)
        # One buffer for both channels: XLA would copy two of them at every step.
        buffer = lax.dynamic_update_slice(buffer, after, corner)
        last = block + 1 == count
        return jnp.where(last, item + 1, item), jnp.where(last, 0, block + 1), buffer

    side = resolution + _BLOCK  # blocks may reach over the border
    empty = jnp.stack([jnp.zeros((side, side)), jnp.full((side, side), -1.0)])
    start = (jnp.int32(0), jnp.int32(0), empty.astype(jnp.float32))
    _, _, buffer = lax.while_loop(lambda state: state[0] < queue.length, step, start)
    return buffer[:, :resolution, :resolution]


def _draw_block(
    triangle: Array, edges: Array, x: Array, y: Array, before: Array
) -> Array:
    """Draws one triangle over the block `[2, ...]` whose first pixel is (x, y)."""
    centre_x = (x + jnp.arange(_BLOCK)[None, :]) + jnp.float32(0.5)
    centre_y = (y + jnp.arange(_BLOCK)[:, None]) + jnp.float32(0.5)
    inside, total, scaled = jnp.ones(before.shape[1:], bool), 0.0, 0.0
    for k in range(3):
        anchor_x, anchor_y, along_x, along_y, tie, inverse_depth = (
            edges[k, i] for i in range(6)
        )
        area = along_y * (centre_x - anchor_x) - along_x * (centre_y - anchor_y)
        inside &= (area > 0) | ((area == 0) & (tie > 0))
        total += area
        scaled += area * inverse_depth
    nearness = scaled / jnp.where(total > 0, total, 1)
    inside &= nearness > before[0]
    after = jnp.stack([nearness, jnp.broadcast_to(triangle, nearness.shape)])
    return jnp.where(inside, after, before)


def _queue(points: Array, depth: Array, triangles: Array, resolution: int) -> _Queue:
    corners, corner_depth = points[triangles], depth[triangles]
    first = jnp.floor(corners.min(axis=1) - 0.5).astype(jnp.int32)
    last = jnp.ceil(corners.max(axis=1) - 0.5).astype(jnp.int32)
    on_screen = jnp.all((first < resolution) & (last >= 0), axis=-1)
    in_front = jnp.all(corner_depth > 0, axis=-1)
    drawn = on_screen & in_front & _faces_viewer(corners)
    order = jnp.nonzero(drawn, size=len(triangles), fill_value=0)[0]
    first = jnp.clip(first, 0, resolution - 1)
    last = jnp.clip(last, 0, resolution - 1)
    columns, rows = jnp.moveaxis((last - first) // _BLOCK + 1, -1, 0)
    blocks = jnp.stack([first[:, 0], first[:, 1], columns, columns * rows], axis=-1)
    edges = _edges(corners, 1 / corner_depth, triangles)
    return _Queue(drawn.sum(), order.astype(jnp.float32), edges[order], blocks[order])


def _faces_viewer(corners: Array) -> Array:
    """False for backs, which need not be drawn: `[T, 3, 2]` to `[T]`.

    In doubt, for triangles without area, true: then the edge functions decide.
    """
    (ax, ay), (bx, by) = (
        jnp.moveaxis(corners[:, k] - corners[:, 0], -1, 0) for k in (1, 2)
    )
    return ay * bx - ax * by > -1e-6 * (jnp.abs(ay * bx) + jnp.abs(ax * by))


def _edges(corners: Array, inverse_depth: Array, triangles: Array) -> Array:
    """What the loop needs of the edges opposite the three corners.

    Both triangles at an edge anchor it at the same vertex, the one of lower index. So
    their edge functions are opposite to the last bit, also where triangles are so large
    that they are rounded.

    Returns:
        `[T, 3, 6]`: anchor x and y, direction x and y, tie, inverse depth of the
        corner. A centre on the edge is inside if the tie is positive: as if all centres
        were moved by an infinitely small step to the right, and a still smaller one
        upwards.
    """
    a, b = jnp.roll(corners, -1, axis=1), jnp.roll(corners, -2, axis=1)
    swap = jnp.roll(triangles, -1, axis=1) > jnp.roll(triangles, -2, axis=1)
    anchor = jnp.where(swap[..., None], b, a)
    along = b - a
    tie = jnp.where(along[..., 1] == 0, along[..., 0], along[..., 1])
    columns = [anchor, along, tie[..., None], inverse_depth[..., None]]
    return jnp.concatenate(columns, axis=-1)
