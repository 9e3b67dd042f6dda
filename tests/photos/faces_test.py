import dlib
import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.photos import faces
from pie_jax.stack import fetch
from tests import builders, toys

CHIP_CORNERS = np.array([(0, 0), (149, 0), (0, 149), (149, 149), (74.5, 74.5)])


@pytest.fixture(scope="module")
def photo_u8() -> np.ndarray:
    """`[600, 512, 3]`, Grace Hopper, one face of about 215 pixels."""
    return images.read(toys.PHOTO)


def resized(image_u8: np.ndarray, factor: float) -> np.ndarray:
    size = [round(length * factor) for length in image_u8.shape[1::-1]]
    return np.array(Image.fromarray(image_u8).resize(size, Image.Resampling.BICUBIC))


def random_landmarks(seed: int, scale: float) -> np.ndarray:
    """`[68, 2]` integers of no particular face: each point counts by itself."""
    random = np.random.default_rng(seed)
    return np.rint(random.uniform(200, 200 + scale, (68, 2)))


def by_dlib(landmarks: np.ndarray) -> dlib.full_object_detection:
    points = [dlib.point(int(x), int(y)) for x, y in landmarks]
    return dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), points)


def centre(box: faces.Box) -> np.ndarray:
    return np.array([box.left + box.right, box.top + box.bottom]) / 2


def test_a_face_is_found_where_it_is_and_several_the_largest_first(photo_u8):
    (box,) = faces.detect(photo_u8)
    # Between the eyes and the mouth, by eye at (265, 188) and (266, 277).
    assert np.abs(centre(box) - (266, 233)).max() < 20
    assert 150 < box.width < 260
    head = photo_u8[40:360, 110:430]
    both = np.zeros((340, 700, 3), np.uint8)
    both[:256, :256] = resized(head, 0.8)
    both[:320, 360:680] = head
    large, small = faces.detect(both)
    assert large.left > 350
    assert small.right < 260
    assert large.width > small.width


@pytest.mark.parametrize("factor", [0.25, 5])
def test_small_and_large_faces_are_found_in_the_photographs_pixels(photo_u8, factor):
    (box,) = faces.detect(photo_u8)
    (scaled,) = faces.detect(resized(photo_u8, factor))
    assert np.abs(centre(scaled) / factor - centre(box)).max() < 0.1 * box.width
    assert scaled.width / factor == pytest.approx(box.width, rel=0.25)


@pytest.mark.parametrize("size", [(200, 301), (900, 700)])
def test_pictures_are_scaled_as_by_pillow(photo_u8, size):
    expected = Image.fromarray(photo_u8).resize(size, Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(faces.resized(photo_u8, size), np.array(expected))


def test_the_detector_never_sees_more_than_4096_pixels_a_side(monkeypatch):
    seen = []
    monkeypatch.setattr(
        faces, "_detector", lambda: lambda image, _: seen.append(image.shape[:2]) or []
    )
    assert faces.detect(np.zeros((6000, 3000, 3), np.uint8)) == []
    assert seen == [(1024, 512), (2048, 1024), (4096, 2048)]
    seen.clear()
    assert faces.detect(np.zeros((100, 60, 3), np.uint8)) == []
    assert seen == [(100, 60), (200, 120), (400, 240)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (64, 64)])
def test_a_picture_without_a_face_has_none(shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert faces.detect(noise) == []


BOXES = [faces.Box(100, 50, 299, 249), faces.Box(7, 8, 86, 87)]


def test_a_face_is_chosen_by_number_and_no_predictor_says_what_to_run(
    caplog, tmp_path, monkeypatch
):
    assert faces.choose(BOXES[:1]) == BOXES[0]
    assert [faces.choose(BOXES, number) for number in (1, 2)] == BOXES
    assert not caplog.messages
    assert faces.choose(BOXES, name="crowd.png") == BOXES[0]
    (message,) = caplog.messages
    for words in ("crowd.png: 2 faces", "--face", "1: 200 x 200", "2: 80 x 80"):
        assert words in message

    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path))
    picture = np.zeros((9, 9, 3), np.uint8)
    for damage in (None, b"", b"not a predictor"):
        if damage is not None:
            (tmp_path / "landmarks68.dat").write_bytes(damage)
        with pytest.raises(PieError, match="pie weights"):
            faces.landmarks68(picture, faces.Box(0, 0, 8, 8))


@pytest.mark.parametrize(
    "boxes, number, message",
    [
        *[(BOXES, x, rf"no face {x}(.|\n)*2: 80 x 80.*left 7") for x in (-1, 0, 3)],
        *[([], x, "no face found.*crop to the head") for x in (None, 1)],
    ],
)
def test_a_face_that_is_not_there_is_an_error(boxes, number, message):
    with pytest.raises(PieError, match=message):
        faces.choose(boxes, number)


@pytest.mark.parametrize(("size", "padding"), [(150, 0.25), (96, 0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_chip_shows_the_points_that_dlib_samples(seed, size, padding):
    # Pictures whose value is the coordinate: what dlib cuts out says where from. The
    # scale stays below 1, where dlib samples without reducing the picture before.
    landmarks = random_landmarks(seed, scale=60)
    details = dlib.get_face_chip_details(by_dlib(landmarks), size, padding)
    rows, columns = np.mgrid[:500, :500].astype(np.float32)
    sampled = [dlib.extract_image_chip(axis, details) for axis in (columns, rows)]
    chip_y, chip_x = np.mgrid[:size, :size]
    points = np.stack([chip_x, chip_y, np.ones_like(chip_x)], axis=-1)
    expected = points @ faces.chip_matrix(landmarks, size, padding).T
    np.testing.assert_allclose(np.stack(sampled, axis=-1), expected, atol=1e-3)


def test_the_chip_is_dlibs_own_and_goes_with_the_landmarks(photo_u8):
    landmarks = random_landmarks(0, scale=300) + 0.37
    linear, offset = np.array([[0.8, -0.6], [0.6, 0.8]]), np.array([5.5, -3])
    corners = np.column_stack([CHIP_CORNERS, np.ones(5)])
    points = corners @ faces.chip_matrix(landmarks).T
    moved = corners @ faces.chip_matrix(landmarks @ linear.T + offset).T
    np.testing.assert_allclose(moved, points @ linear.T + offset, atol=1e-9)

    landmarks = random_landmarks(3, scale=150)
    expected = dlib.get_face_chip(photo_u8, by_dlib(landmarks), 150, 0.25)
    chip = faces.face_chip(photo_u8, landmarks)
    assert chip.shape == (150, 150, 3)
    np.testing.assert_array_equal(chip, expected)


@pytest.mark.real
@pytest.mark.parametrize("name", ["hopper", "jemison", "mitchell", "glover"])
def test_the_landmarks_lie_on_the_one_face_with_dlibs_own_chip(photo_u8, name):
    fetch.ensure("landmarks68")
    if name != "hopper":
        photo_u8 = images.read(builders.portrait(f"{name}.jpg"))
    (box,) = faces.detect(photo_u8)
    points = faces.landmarks68(photo_u8, box)
    assert points.shape == (68, 2)
    assert points.dtype == np.float64
    eye_left, eye_right = points[36:42].mean(0), points[42:48].mean(0)
    nose, mouth = points[30], points[48:].mean(0)
    assert eye_left[0] < nose[0] < eye_right[0]
    assert eye_left[1] < nose[1] < mouth[1] < points[8, 1]
    assert 0.2 < (eye_right - eye_left)[0] / box.width < 0.6
    expected = dlib.get_face_chip(photo_u8, by_dlib(points), 150, 0.25)
    np.testing.assert_array_equal(faces.face_chip(photo_u8, points), expected)
