import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.graphics import rasterize as rasters
from tests import checks

SIDE = 24
EDGE = [[4.0, 4.0], [4.0, 20.0], [20.0, 4.0], [20.0, 20.0]]
"""Corners of a square, (x, y) in pixels."""
TWO = np.asarray([[0, 1, 2], [2, 1, 3]], np.int32)
"""The two triangles of that square, towards the viewer."""


def rasterize(points, depth, triangles, resolution=SIDE):
    return rasters.rasterize(
        jnp.asarray(points, jnp.float32),
        jnp.asarray(depth, jnp.float32),
        jnp.asarray(triangles, jnp.int32),
        resolution,
    )


def random_soup(num_triangles=60, seed=0):
    """Triangles of all sizes, fronts and backs, some of them outside or flat."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-4, SIDE + 4, (num_triangles, 1, 2))
    sizes = rng.uniform(0.3, 6, (num_triangles, 1, 1))
    corners = centres + sizes * rng.normal(size=(num_triangles, 3, 2))
    corners[::9, 2] = corners[::9, 1]
    depth = rng.uniform(1, 5, num_triangles * 3)
    triangles = np.arange(num_triangles * 3).reshape(-1, 3)
    return corners.reshape(-1, 2), depth, triangles


def slow_raster(points, depth, triangles, side):
    """Every triangle in every pixel, in float64.

    Pixel centres are moved a little to the right, and less upwards: by less than the
    corners' fractions of a pixel can resolve.
    """
    corners = np.float64(np.round(np.float32(points) * 16) / 16)[triangles]
    corner_depth = depth[triangles]
    found = np.full((side, side), -1)
    weights = np.zeros((side, side, 3))
    nearest = np.full((side, side), np.inf)
    for row, column in np.ndindex(side, side):
        to = corners - np.asarray([column + 0.5 + 1e-6, row + 0.5 - 1e-10])
        for index in range(len(triangles)):
            areas = [clockwise(to[index, k - 2], to[index, k - 1]) for k in range(3)]
            if min(areas) <= 0:
                continue
            shares = np.asarray(areas) / sum(areas) / corner_depth[index]
            if 1 / shares.sum() < nearest[row, column]:
                found[row, column] = index
                weights[row, column] = shares / shares.sum()
                nearest[row, column] = 1 / shares.sum()
    return found, weights, nearest


def clockwise(a, b):
    """Twice the area of (0, a, b) if these turn clockwise where y points down."""
    return a[1] * b[0] - a[0] * b[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_random_triangles_agree_with_loops_over_pixels(seed):
    points, depth, triangles = random_soup(seed=seed)
    raster = rasterize(points, depth, triangles)
    chex.assert_shape([raster.triangle, raster.depth], (SIDE, SIDE))
    chex.assert_type(raster.triangle, jnp.int32)
    chex.assert_type([raster.barycentric, raster.depth], jnp.float32)
    found, weights, nearest = slow_raster(points, depth, triangles, SIDE)
    assert len(np.unique(found)) > 10
    np.testing.assert_array_equal(raster.triangle, found)
    np.testing.assert_allclose(raster.barycentric, weights, atol=1e-4)
    np.testing.assert_allclose(raster.depth, nearest, rtol=1e-4)
    assert np.asarray(raster.barycentric).min() >= -1e-6
    total = np.asarray(raster.barycentric).sum(axis=-1)
    np.testing.assert_allclose(total, found >= 0, atol=1e-5)


def fan(seed, spread):
    """A square of 5 x 5 vertices, some on pixel centres, as 32 triangles."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2)
    inner = np.all((grid > 0) & (grid < 4), axis=-1)
    points = grid * 4.0 + 2.5 + spread * inner[:, None] * rng.integers(-3, 4, (25, 2))
    index = np.arange(25).reshape(5, 5)
    a, b = index[:-1, :-1].ravel(), index[1:, :-1].ravel()
    c, d = index[:-1, 1:].ravel(), index[1:, 1:].ravel()
    split = rng.random(16) < 0.5
    first = np.where(split[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
    second = np.where(split[:, None], np.stack([c, b, d], 1), np.stack([a, d, c], 1))
    return points, np.concatenate([first, second])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0, 0.25, 0.5])
def test_neighbours_leave_no_crack_and_draw_no_pixel_twice(seed, spread):
    points, triangles = fan(seed, spread)
    times = np.sum(rasterize_apart(points, triangles).triangle >= 0, axis=0)
    assert times.max() == 1
    np.testing.assert_array_equal(times[3:18, 3:18], 1)
    assert times.sum() == 16 * 16  # the area, though centres lie on all four sides


@jax.jit
def rasterize_apart(points, triangles):
    return jax.vmap(lambda one: rasterize(points, np.ones(25), one[None]))(triangles)


def test_large_triangles_leave_no_crack_and_backs_are_not_drawn():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(0, 400, (1, 2)), 900 * _circle(7) + 200])
    triangles = [[0, 1 + (k + 1) % 7, 1 + k] for k in range(7)]
    apart = [rasterize(points, np.ones(8), [one], 400).triangle for one in triangles]
    times = sum(np.asarray(one) >= 0 for one in apart)
    np.testing.assert_array_equal(times, 1)

    assert np.any(rasterize(EDGE, np.ones(4), TWO).triangle >= 0)
    raster = rasterize(EDGE, np.ones(4), TWO[:, ::-1])
    assert not np.any(raster.triangle >= 0)
    np.testing.assert_array_equal(raster.depth, np.inf)
    np.testing.assert_array_equal(raster.barycentric, 0)
    far = [[-1000.0, -1000.0], [-1000.0, 3000.0], [3000.0, -1000.0]]
    np.testing.assert_array_equal(
        rasterize(far, np.ones(3), [[0, 1, 2]]).triangle, np.zeros((SIDE, SIDE))
    )


def _circle(count):
    angle = 0.1 + 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


@pytest.mark.parametrize(
    "triangle", [[0, 0, 0], [0, 1, 1], [0, 1, 4]], ids=["point", "edge", "line"]
)
def test_a_triangle_without_area_is_not_drawn(triangle):
    points = [*EDGE, [4.0, 12.0]]
    raster = rasterize(points, np.ones(5), [triangle, triangle[::-1]])
    assert not np.any(raster.triangle >= 0)
    chex.assert_tree_all_finite(raster.barycentric)


@pytest.mark.parametrize(
    ("x", "depth"), [(4.0, 0.0), (4.0, -1.0), (4.0, np.nan), (np.nan, 1.0)]
)
def test_triangles_behind_the_camera_or_of_no_numbers_are_left_out(x, depth):
    raster = rasterize([[x, 4.0], *EDGE[1:]], [depth, 1, 1, 1], TWO)
    assert set(np.unique(raster.triangle)) == {-1, 1}
    chex.assert_tree_all_finite(raster.barycentric)


def test_the_nearer_triangle_hides_the_other_and_they_are_cut_where_they_meet():
    points = EDGE + EDGE
    triangles = np.concatenate([TWO, TWO + 4])
    for depths, seen in (((2, 1), {2, 3}), ((1, 2), {0, 1}), ((1, 1), {0, 1})):
        raster = rasterize(points, np.repeat(depths, 4), triangles)
        assert set(np.unique(raster.triangle)) - {-1} == seen
    depth = [1, 1, 3, 3, 2, 2, 2, 2]  # in the picture 1 / depth is linear
    raster = rasterize(points, depth, np.concatenate([TWO, TWO + 4]))
    row = np.asarray(raster.triangle)[12, 4:20] < 2
    crossing = 4 + 16 * (1 - 1 / 2) / (1 - 1 / 3)
    np.testing.assert_array_equal(row, np.arange(4, 20) + 0.5 < crossing)


def test_interpolation_is_corrected_for_perspective_and_has_a_gradient():
    # A plane that leans back: a pixel sees where its ray meets it.
    corners = np.asarray([[-1, 1, -2], [-1, -1, 1], [1, 1, -2], [1, -1, 1.0]])
    depth = 5 - corners[:, 2]
    points = SIDE * (0.5 + np.asarray([1, -1]) * corners[:, :2] / depth[:, None])
    points = np.round(points * 16) / 16
    corners[:, :2] = (points / SIDE - 0.5) * np.asarray([1, -1]) * depth[:, None]
    raster = rasterize(points, depth, TWO)
    seen = rasters.interpolate(raster, jnp.asarray(corners, jnp.float32), TWO)
    covered = np.asarray(raster.triangle) >= 0
    assert covered.sum() > 20
    rows, columns = np.nonzero(covered)
    x, y, z = np.asarray(seen)[covered].T
    np.testing.assert_allclose(SIDE * (0.5 + x / (5 - z)), columns + 0.5, atol=1e-3)
    np.testing.assert_allclose(SIDE * (0.5 - y / (5 - z)), rows + 0.5, atol=1e-3)
    np.testing.assert_allclose(np.asarray(raster.depth)[covered], 5 - z, rtol=1e-5)

    points, depth, triangles = random_soup()

    def energy(attributes, points=points, depth=depth):
        raster = rasters.rasterize(points, depth, jnp.asarray(triangles), SIDE)
        return jnp.sum(
            jnp.sin(rasters.interpolate(raster, attributes, jnp.asarray(triangles)))
        )

    attributes = np.random.default_rng(3).normal(size=(180, 2))
    checks.assert_gradient(energy, attributes)
    places = jax.grad(energy, (1, 2))(*map(jnp.asarray, (attributes, points, depth)))
    assert not any(map(jnp.any, places))


def test_batches_and_mapped_meshes_give_what_single_ones_give_traced_once():
    points, depth, triangles = random_soup()
    shifts = np.arange(6).reshape(2, 3, 1, 1)
    batch = (points + shifts, depth * (1 + shifts[..., 0]))
    checks.assert_maps(
        lambda *x: rasterize(*x, triangles), *batch, axes=2, batched=True, rtol=1e-4
    )
    function = jax.jit(chex.assert_max_traces(rasterize, n=1))
    for shift in range(3):
        function(points + shift, depth, triangles)
