import dataclasses
import json

import numpy as np
import pytest
import scipy.ndimage
from matplotlib import cbook
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.photos import alignment

# A face that looks straight at the camera: eyes one unit apart on the x axis, mouth
# 1.1 below. The square's half side is then 2 units and its centre at (0, 0.11).
HALF_SIDE, CENTRE = 2.0, 0.11
HOPPER = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)


def face_landmarks(centre, side: float, degrees: float = 0.0) -> np.ndarray:
    """`[68, 2]` landmarks whose FFHQ square is known: see `HALF_SIDE`, `CENTRE`."""
    points = np.zeros((68, 2))
    ring = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    eye = 0.2 * np.stack([-np.cos(ring), -np.sin(ring)], axis=1)
    points[36:42] = eye + (-0.5, 0)
    points[42:48] = eye + (0.5, 0)
    points[48:] = (0, 1.1)
    points[48], points[54] = (-0.4, 1.1), (0.4, 1.1)
    return place(points, centre, side, degrees)


def place(points: np.ndarray, centre, side: float, degrees: float) -> np.ndarray:
    """Maps face units to the photograph, the square's centre to `centre`."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - (0, CENTRE)) @ turn.T * side / (2 * HALF_SIDE) + centre


def bilinear(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Samples `image` `[H, W, 3]` at `[..., 2]` points inside it, one at a time."""
    first = np.clip(np.floor(points).astype(int), 0, np.array(image.shape[1::-1]) - 2)
    x, y = first[..., 0], first[..., 1]
    right, down = np.moveaxis(points - first, -1, 0)[..., None]
    top = image[y, x] * (1 - right) + image[y, x + 1] * right
    bottom = image[y + 1, x] * (1 - right) + image[y + 1, x + 1] * right
    return top * (1 - down) + bottom * down


def area_sampled(photo_u8, placed, samples: int) -> np.ndarray:
    """The slow reference: the mean of samples^2 photo points in each pixel."""
    size = placed.size
    fine = (np.arange(size * samples) + 0.5) / samples - 0.5
    points = placed.to_photo(np.stack(np.meshgrid(fine, fine), axis=-1))
    colours = bilinear(photo_u8.astype(np.float64), points)
    return colours.reshape(size, samples, size, samples, 3).mean((1, 3))


def smooth_noise(height: int, width: int, grain: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(
        0, 256, (height // grain + 1, width // grain + 1, 3), np.uint8
    )
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.array(image)


@pytest.fixture(scope="module")
def photo_u8() -> np.ndarray:
    """`[600, 512, 3]`, Grace Hopper: something to see, whatever the landmarks say."""
    return images.read(HOPPER)


def test_the_square_is_where_the_paper_says_also_of_a_long_face():
    quad = alignment.portrait_quad(face_landmarks((300, 400), side=200))
    expected = [(200, 300), (200, 500), (400, 500), (400, 300)]
    np.testing.assert_allclose(quad, expected, atol=1e-9)
    landmarks = face_landmarks((0, 0), side=200)
    # Eyes 50 apart give 100; a mouth 100 below gives 180.
    landmarks[48:] += landmarks[36:48].mean(0) + (0, 100) - landmarks[[48, 54]].mean(0)
    quad = alignment.portrait_quad(landmarks)
    assert np.linalg.norm(quad[3] - quad[0]) == pytest.approx(360)
    eyes = landmarks[36:48].mean(0)
    np.testing.assert_allclose(quad.mean(0), eyes + (0, 10), atol=1e-9)


def test_the_square_moves_turns_and_grows_with_the_face_less_with_the_mouth():
    random = np.random.default_rng(0)
    landmarks = random.normal(size=(68, 2))
    linear = 3 * np.array([[0.8, -0.6], [0.6, 0.8]])
    moved = alignment.portrait_quad(landmarks @ linear.T + (5, -7))
    expected = alignment.portrait_quad(landmarks) @ linear.T + (5, -7)
    np.testing.assert_allclose(moved, expected, atol=1e-9)

    landmarks = face_landmarks((0, 0), side=400)
    landmarks[48:, 0] += 20
    right = np.subtract(*alignment.portrait_quad(landmarks)[[3, 0]])
    tilt = np.degrees(np.arctan2(right[1], right[0]))
    assert -np.degrees(np.arctan2(20, 110)) < tilt < 0


@pytest.mark.parametrize("wrong", [np.zeros((66, 2)), np.zeros((68, 2))])
def test_landmarks_that_are_no_face_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        alignment.portrait_quad(wrong)


def test_points_go_to_the_photograph_and_back_and_records_survive_json(photo_u8):
    landmarks = face_landmarks((260.1, 200.7), 2100 / 7.1, degrees=23)
    _, placed = alignment.align(photo_u8, landmarks, size=64)
    points = np.random.default_rng(0).uniform(-50, 100, (4, 5, 2))
    there = placed.to_photo(points)
    assert there.shape == points.shape
    np.testing.assert_allclose(placed.to_aligned(there), points, atol=1e-9)
    outline = np.array([(0, 0), (0, 64), (64, 64), (64, 0)]) - 0.5
    np.testing.assert_allclose(placed.to_photo(outline), placed.quad, atol=1e-9)
    assert placed.photo_size == (512, 600)
    record = json.loads(json.dumps(placed.to_dict()))
    again = alignment.Alignment.from_dict(record)
    np.testing.assert_array_equal(again.quad, placed.quad)
    np.testing.assert_array_equal(again.landmarks, placed.landmarks)
    assert (again.photo_size, again.size) == (placed.photo_size, placed.size)
    square = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    quads = [[0, 1]], (9 * square - 30_000).tolist(), (1e-9 * square).tolist()
    others = {"size": None}, {"landmarks": "none"}
    for wrong in (*({"quad": quad} for quad in quads), *others):
        with pytest.raises(PieError, match="expected an alignment"):
            alignment.Alignment.from_dict(record | wrong)
    with pytest.raises(PieError, match="photo_size"):
        alignment.Alignment.from_dict({"quad": [], "size": 4, "landmarks": []})


def blobs(points: np.ndarray, deviation: float, width: int, height: int) -> np.ndarray:
    """A photograph with a Gaussian light spot at each point, dark elsewhere."""
    photo = np.zeros((height, width))
    reach = int(np.ceil(4 * deviation))
    for x, y in points:
        left, top = int(x) - reach, int(y) - reach
        rows, columns = np.mgrid[top : top + 2 * reach, left : left + 2 * reach]
        distance = (columns - x) ** 2 + (rows - y) ** 2
        photo[rows, columns] += 250 * np.exp(-distance / (2 * deviation**2))
    return np.repeat(np.rint(photo).astype(np.uint8)[:, :, None], 3, axis=2)


def centroid(image: np.ndarray, near: np.ndarray, reach: int) -> np.ndarray:
    left, top = np.rint(near).astype(int) - reach
    side = 2 * reach + 1
    rows, columns = np.mgrid[top : top + side, left : left + side]
    weight = image[rows, columns, 0].astype(np.float64)
    return np.array([np.sum(columns * weight), np.sum(rows * weight)]) / weight.sum()


@pytest.mark.parametrize("degrees", [0, -40, 180])
@pytest.mark.parametrize(
    ("side", "size"), [(90, 256), (701, 256), (2222, 256), (200, 1024)]
)
def test_points_land_where_the_alignment_says(side, size, degrees):
    """Enlarged, kept, and shrunk by 2 and 4, from photographs of odd sizes."""
    width, height = round(1.63 * side) | 1, round(1.71 * side) | 1
    centre = np.array([width / 2 + 0.3, height / 2 - 0.4])
    landmarks = face_landmarks(centre, side, degrees)
    spots = np.array([(-1.2, -1), (1.3, -0.9), (0.1, 0.2), (-1, 1.2), (1.1, 1.3)])
    points = place(spots, centre, side, degrees)
    photo_u8 = blobs(points, 0.03 * side, width, height)
    aligned_u8, placed = alignment.align(photo_u8, landmarks, size=size)
    expected = placed.to_aligned(points)
    np.testing.assert_allclose(
        expected, place(spots, (size / 2 - 0.5,) * 2, size, 0), atol=0.51 * size / side
    )
    found = [centroid(aligned_u8, point, round(0.12 * size)) for point in expected]
    # 0.1 pixels in a picture of 1024.
    assert np.abs(found - expected).max() < 0.1 * size / 1024 + 0.005


@pytest.mark.parametrize(
    "photo_u8, side, degrees, size, samples, blurred",
    [
        (images.read(HOPPER), 230, -25, 256, 4, 1),
        (smooth_noise(1401, 1303, grain=20), 900, 10, 128, 10, 2),
    ],
)
def test_an_aligned_photograph_equals_dense_sampling(
    photo_u8, side, degrees, size, samples, blurred
):
    """Enlarged, and shrunk."""
    centre = (270, 195) if side == 230 else (650, 700)
    landmarks = face_landmarks(centre, side, degrees)
    aligned_u8, placed = alignment.align(photo_u8, landmarks, size=size)
    # Measured 0.89 levels, of which 0.5 are rounding and the rest is that the result
    # is reduced by a Lanczos filter, the reference by plain means.
    difference = np.abs(aligned_u8 - area_sampled(photo_u8, placed, samples))
    assert difference.mean() < blurred
    for shift in 0.0004 * side * np.array([(1, 0), (-1, 0), (0, 1), (0, -1)]):
        moved = dataclasses.replace(placed, quad=placed.quad + shift * 10)
        elsewhere = np.abs(aligned_u8 - area_sampled(photo_u8, moved, samples))
        assert elsewhere.mean() > 1.05 * difference.mean()


def test_detail_finer_than_the_result_is_averaged_and_padding_leaves_the_inside(
    photo_u8,
):
    lines_u8 = np.zeros((1400, 1400, 3), np.uint8)
    lines_u8[:, ::2] = 255
    aligned_u8, _ = alignment.align(
        lines_u8, face_landmarks((700, 700), 900, degrees=5), size=64
    )
    assert np.abs(aligned_u8.astype(int) - 127).max() <= 3

    whole, _ = alignment.align(photo_u8, face_landmarks((270, 250), 200), size=128)
    cut, again = alignment.align(
        photo_u8[180:], face_landmarks((270, 70), 200), size=128
    )
    photo_y = again.to_photo(np.stack([np.zeros(128), np.arange(128)], axis=1))[:, 1]
    inside = photo_y > 0.1 * 200 + 2
    assert 40 < inside.sum() < 110
    difference = np.abs(whole[inside].astype(int) - cut[inside])
    assert difference.max() <= 1
    assert np.abs(whole[~inside].astype(int) - cut[~inside]).mean() > 5


def test_padding_is_reflection_blurred_and_faded_only_where_it_is_needed(photo_u8):
    photo = Image.fromarray(photo_u8[:, :400])
    quad = np.array([(150.0, -40), (150, 260), (450, 260), (450, -40)])
    padded, moved = alignment._pad(photo, quad, fade=True)
    # Missing at the top 40 and a border of 30, at the right 50 and 30; at least 90.
    assert padded.size == (90 + 400 + 90, 90 + 600 + 90)
    np.testing.assert_array_equal(moved, quad + 90)

    margins = ((90, 90), (90, 90), (0, 0))
    expected = np.pad(np.asarray(photo, np.float64), margins, mode="reflect")
    blurred = scipy.ndimage.gaussian_filter(expected, (6, 6, 0), mode="nearest")
    rows, columns = np.mgrid[: padded.height, : padded.width]
    edge = np.minimum(
        np.minimum(columns, padded.width - 1 - columns),
        np.minimum(rows, padded.height - 1 - rows),
    )
    depth = (1 - edge / 90)[:, :, None]
    expected += (blurred - expected) * np.clip(3 * depth + 1, 0, 1)
    median = np.median(expected, axis=(0, 1))
    expected += (median - expected) * np.clip(depth, 0, 1)
    difference = np.abs(np.asarray(padded) - expected)
    # Pillow's blur is three box blurs, and its blending works on whole levels.
    assert difference.mean() < 0.8
    assert difference.max() < 6

    quad = np.array([(100.0, 100), (100, 300), (300, 300), (300, 100)])
    same, still = alignment._pad(photo, quad, fade=True)
    assert same is photo
    assert still is quad


@pytest.mark.parametrize("centre", [(5, 5), (-900, 30), (60, 4000)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (90, 120)])
def test_faces_at_and_beyond_the_edge_still_give_a_picture(shape, centre):
    photo_u8 = np.full((*shape, 3), 77, np.uint8)
    aligned_u8, _ = alignment.align(photo_u8, face_landmarks(centre, 200), size=64)
    np.testing.assert_array_equal(aligned_u8, np.full((64, 64, 3), 77))


def smooth_picture(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    waves = [np.sin(5 * x + i) * np.cos(4 * y + i) for i in range(3)]
    return np.uint8(127 + 100 * np.stack(waves, axis=-1))


def test_a_square_that_is_not_moved_shows_the_picture_and_a_point_goes_to_its_goal():
    picture = smooth_picture(64)
    quad = alignment.moved_quad(64, np.array([20, 30]), np.array([20, 30]), 0.0)
    same = alignment.cut(picture, quad, 64, fade=False).astype(int)
    assert np.abs(same - picture).max() <= 2
    ones = alignment.within(quad, np.ones((64, 64)))
    np.testing.assert_array_equal(ones, 1)
    quad = alignment.moved_quad(64, np.zeros(2), np.array([16.0, 0]), 0.0)
    mask = alignment.within(quad, np.ones((64, 64)))
    assert mask[:, :15].max() == 0 and mask[:, 17:].min() == 1
    picture = np.full((64, 64, 3), 90, np.uint8)
    assert np.all(alignment.cut(picture, quad, 64) == 90)

    size, origin, goal = 128, np.array([50.0, 60.0]), np.array([70.0, 55.0])
    angle = np.radians(30)
    quad = alignment.moved_quad(size, origin, goal, angle)
    mask = np.zeros((size, size))
    # Counter-clockwise as seen: what is to the right goes up, which is less y.
    for away in ([0, 0], [20, 0]):
        x, y = origin + away
        mask[:] = 0
        mask[int(y), int(x)] = 1
        row, column = np.argwhere(moved := alignment.within(quad, mask)).T
        weights = moved[row, column]
        turned = [away[0] * np.cos(angle), -away[0] * np.sin(angle)]
        found = np.average(np.stack([column, row], -1), axis=0, weights=weights)
        np.testing.assert_allclose(found, goal + turned, atol=0.6)
