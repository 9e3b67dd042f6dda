import chex
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import images
from tests import checks

TURNED = np.asarray([[0.8, -0.45, 2.3], [0.5, 0.7, 1.1]])


def random_image(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def slow_sample(image, matrix, size):
    """Bilinear sampling pixel by pixel, with repeated edges."""
    height, width, channels = image.shape
    result = np.zeros((size, size, channels))
    for row, column in np.ndindex(size, size):
        x, y = matrix @ [column, row, 1]
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        for j, i in np.ndindex(width, height):
            weight = max(0, 1 - abs(x - j)) * max(0, 1 - abs(y - i))
            result[row, column] += weight * image[i, j]
    return result


def test_colours_end_at_0_and_255_and_maps_are_reduced_one_after_another():
    np.testing.assert_array_equal(
        images.to_255(jnp.asarray([-1.0, 0.0, 1.0])), [0, 127.5, 255]
    )
    image_u8 = np.arange(256, dtype=np.uint8)
    image = images.from_255(jnp.asarray(image_u8))
    chex.assert_type(image, jnp.float32)
    np.testing.assert_allclose(images.to_255(image), image_u8, atol=1e-4)

    with pytest.raises(ValueError, match="6 x 8 came"):
        images.reduce_area(random_image(1, 6, 8, 3), 4)
    matrix = jnp.asarray(TURNED, jnp.float32)
    twice = images.reduce_affine(images.reduce_affine(matrix, 2), 3)
    np.testing.assert_allclose(twice, images.reduce_affine(matrix, 6), atol=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_downsampling_averages_each_block(factor):
    image = random_image(2, 6, 12, 3)
    result = images.downsample(image, factor)
    chex.assert_shape(result, (2, 6 // factor, 12 // factor, 3))
    chex.assert_type(result, jnp.float32)
    for n, i, j, c in np.ndindex(*result.shape):
        rows, columns = (slice(k * factor, (k + 1) * factor) for k in (i, j))
        expected = image[n, rows, columns, c].mean()
        np.testing.assert_allclose(result[n, i, j, c], expected, atol=1e-6)
    checks.assert_maps(lambda x: images.downsample(x, factor), image, batched=True)


@pytest.mark.parametrize("old, new", [(6, 3), (5, 3), (3, 5), (7, 7), (2, 6)])
def test_pixels_are_averaged_by_the_area_that_they_share(old, new):
    image = random_image(1, old, old, 3)
    fine = image.repeat(new, axis=1).repeat(new, axis=2)  # old * new pixels
    expected = fine.reshape(1, new, old, new, old, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(images.reduce_area(image, new), expected, atol=1e-5)


@pytest.mark.parametrize("shift", [0, -4, 5])
def test_sampling_agrees_with_loops_inside_and_outside(shift):
    image = random_image(6, 8, 2)
    matrix = TURNED + [[0, 0, shift], [0, 0, -shift]]
    result = images.sample_affine(image, matrix.astype(np.float32), 7)
    chex.assert_shape(result, (7, 7, 2))
    np.testing.assert_allclose(result, slow_sample(image, matrix, 7), atol=1e-5)


def test_mapped_sampling_gives_what_single_calls_give_and_edges_repeat():
    matrices = np.stack([TURNED, -TURNED + 4, TURNED + 1]).astype(np.float32)
    checks.assert_maps(
        lambda image, matrix: images.sample_affine(image, matrix, 5),
        random_image(3, 6, 8, 2),
        matrices,
    )
    image = random_image(4, 4, 3)
    matrix = jnp.asarray([[1.0, 0, -100], [0, 1.0, 100]])
    result = images.sample_affine(image, matrix, 3)
    np.testing.assert_array_equal(result, np.broadcast_to(image[3, 0], (3, 3, 3)))


@pytest.mark.parametrize(("right", "down", "size"), [(0, 0, 9), (3, 1, 5), (0, 2, 5)])
def test_a_shift_by_whole_pixels_copies_them(right, down, size):
    image = random_image(9, 9, 3)
    matrix = jnp.asarray([[1.0, 0, right], [0, 1.0, down]])
    result = images.sample_affine(image, matrix, size)
    part = image[down : down + size, right : right + size]
    np.testing.assert_array_equal(result, part)


@pytest.mark.parametrize(
    "function",
    [
        lambda image: images.downsample(image, 2),
        lambda image: images.sample_affine(image, jnp.asarray(TURNED), 7),
        lambda image: images.to_255(image),
    ],
)
def test_gradient_agrees_with_finite_differences(function):
    checks.assert_gradient(
        lambda image: jnp.sum(jnp.sin(3 * function(image))), random_image(6, 8, 2)
    )


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_reduced_map_finds_the_same_places_in_the_reduced_image(factor):
    y, x = np.mgrid[:32, :32].astype(np.float32)
    places = np.stack([x, y], axis=-1)  # every pixel's colour is its position
    matrix = jnp.asarray([[1.5, -0.4, 9.0], [0.5, 1.25, 5.0]])
    direct = images.sample_affine(places, matrix, 8)
    reduced = images.sample_affine(
        images.downsample(places, factor), images.reduce_affine(matrix, factor), 8
    )
    np.testing.assert_allclose(reduced, direct, atol=1e-4)


@pytest.mark.parametrize("old, new", [(8, 4), (8, 8), (8, 16), (6, 9), (12, 4)])
def test_a_picture_of_another_size_shows_the_same_at_the_same_places(old, new):
    y, x = np.mgrid[:old, :old].astype(np.float32)
    places = jnp.asarray(np.stack([x, y, x + y], axis=-1))
    seen = images.resized(places, new)
    assert seen.shape == (new, new, 3)
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    inner = slice(1, -1)  # beyond the outermost centres the edge repeats
    np.testing.assert_allclose(seen[inner, inner, 0][0], centres[inner], atol=1e-5)
    np.testing.assert_allclose(seen[inner, inner, 1][:, 0], centres[inner], atol=1e-5)
    # A map into the picture leads to the same places of the other one.
    matrix = jnp.array([[0.5, 0.1, 2], [-0.1, 0.5, 3]])
    moved = images.reduce_affine(matrix, old / new)
    before = images.sample_affine(places, matrix, 3)
    after = images.sample_affine(seen, moved, 3)
    np.testing.assert_allclose(after, before, atol=1e-4)
