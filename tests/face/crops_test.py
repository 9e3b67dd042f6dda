import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import ibug
from pie_jax.face import crops
from pie_jax.networks import dlib_resnet, vgg_face
from pie_jax.photos import faces

NOTHING = jnp.zeros((2, 3))


def test_crops_have_the_networks_sizes_and_the_gradient_of_the_pixels_they_show():
    image = jnp.zeros((512, 512, 3))
    chip, patch = (x(image, NOTHING) for x in (crops.dlib_chip, crops.vgg_face_patch))
    assert chip.shape == (dlib_resnet.CHIP_SIZE, dlib_resnet.CHIP_SIZE, 3)
    assert patch.shape == (vgg_face.SIZE, vgg_face.SIZE, 3)
    image = jax.random.normal(jax.random.key(0), (256, 256, 3))
    gradient = jax.grad(lambda x: crops.vgg_face_patch(x, NOTHING).sum())(image)
    expected = np.zeros((256, 256, 3))
    expected[16:240, 16:240] = 1
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 4])
def test_the_patch_is_the_middle_of_the_frame_at_256_pixels(factor):
    rng = np.random.default_rng(0)
    small = rng.uniform(-1, 1, (256, 256, 3)).astype(np.float32)
    image = jnp.asarray(small.repeat(factor, 0).repeat(factor, 1))
    patch = crops.vgg_face_patch(image, NOTHING)
    np.testing.assert_allclose(patch, small[16:240, 16:240], atol=1e-5)


@pytest.mark.parametrize("resolution", [32, 128, 1024])
def test_the_patch_shows_the_same_part_at_every_resolution(resolution):
    # Colours are linear in the position, and reduction and sampling keep them so.
    y, x = (np.mgrid[:resolution, :resolution] + 0.5) / resolution
    image = jnp.asarray(np.stack([x, y, x - y], axis=-1), jnp.float32)
    patch = crops.vgg_face_patch(image, NOTHING)
    row, column = (np.mgrid[:224, :224] + 16.5) / 256
    expected = np.stack([column, row, column - row], axis=-1)
    np.testing.assert_allclose(patch, expected, atol=1e-5)


def test_a_chip_goes_along_with_the_least_squares_similarity():
    before, after = np.random.default_rng(1).uniform(50, 200, (2, 68, 2))
    # Unknown are a, b and the offset of (x, y) -> (ax - by + c, bx + ay + d).
    rows = np.concatenate(
        [[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in before[list(ibug.CHIP)]]
    )
    a, b, c, d = np.linalg.lstsq(rows, after[list(ibug.CHIP)].reshape(-1))[0]
    matrix = np.array([[1.5, 0.2, 30], [-0.2, 1.5, 20]])
    expected = np.array([[a, -b], [b, a]]) @ matrix + [[0, 0, c], [0, 0, d]]
    moved = crops.follow(*map(jnp.asarray, (matrix, before, after)))
    np.testing.assert_allclose(moved, expected, rtol=1e-3, atol=1e-2)
    # By a similarity itself it goes as if it were placed anew.
    after = before @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + [5.5, -3]
    places = faces.chip_matrix(before), before, after
    moved = crops.follow(*map(jnp.asarray, places))
    np.testing.assert_allclose(moved, faces.chip_matrix(after), rtol=1e-4)


def test_jitters_move_a_face_a_little_and_mirror_every_other_chip():
    corners = np.array([[0, 149, 0, 149], [0, 0, 149, 149], [1, 1, 1, 1]])
    for i, jitter in enumerate(crops.JITTERS):
        mirrored = np.linalg.det(jitter[:, :2]) < 0
        assert mirrored == bool(i % 2)
        plain = jitter @ (corners[:, [1, 0, 3, 2]] if mirrored else corners)
        off = np.abs(plain - corners[:2]).max()
        assert 1 < off < 20
    assert len(np.unique(crops.JITTERS, axis=0)) == len(crops.JITTERS)
    matrix = np.array([[1.5, 0.2, 30], [-0.2, 1.5, 20]], np.float32)
    point = np.array([40.0, 100.0, 1])
    for i, jitter in enumerate(crops.JITTERS):
        expected = matrix @ [*(jitter @ point), 1]
        found = crops.jittered(jnp.asarray(matrix), i) @ point
        np.testing.assert_allclose(found, expected, rtol=1e-5)
