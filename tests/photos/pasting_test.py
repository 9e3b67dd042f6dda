import io

import numpy as np
import pytest
from PIL import Image

from pie_jax.core.errors import PieError
from pie_jax.photos import alignment, pasting
from tests.photos.alignment_test import face_landmarks


def photo(height=300, width=360):
    y, x = np.mgrid[:height, :width] / 60
    waves = [np.sin(x + i) + np.cos(y * (1 + i / 4)) for i in range(3)]
    return np.uint8(127 + 50 * np.stack(waves, axis=-1))


def aligned(side=170.0, degrees=17.0, size=256):
    landmarks = face_landmarks((180, 150), side, degrees)
    return alignment.align(photo(), landmarks, size)


def test_a_picture_comes_back_to_where_it_was_cut_without_an_edge():
    picture_u8, placed = aligned()
    blank = np.zeros_like(photo())
    whole = pasting.paste(blank, placed, picture_u8, np.ones((256, 256)))
    inside = pasting.paste(
        blank, placed, np.full_like(picture_u8, 255), np.ones((256, 256))
    )
    opaque = inside[..., 0] == 255
    assert 3000 < opaque.sum() < 170**2
    error = np.abs(whole.astype(float) - photo())[opaque]
    assert error.mean() < 0.5 and error.max() < 6

    grey = np.full((300, 360, 3), 100, np.uint8)
    white = np.full((256, 256, 3), 255, np.uint8)
    pasted = pasting.paste(grey, placed, white, np.ones((256, 256))).astype(int)
    assert pasted.max() == 255
    for axis in (0, 1):
        assert np.abs(np.diff(pasted, axis=axis)).max() < 35


def test_where_the_mask_is_zero_the_photograph_stays_and_what_leaves_it_is_cut_off():
    picture_u8, placed = aligned()
    mask = np.zeros((256, 256))
    same = pasting.paste(photo(), placed, 255 - picture_u8, mask)
    np.testing.assert_array_equal(same, photo())
    mask[100:150, 100:150] = 1
    changed = pasting.paste(photo(), placed, 255 - picture_u8, mask)
    where = np.argwhere((changed != photo()).any(axis=-1))[:, ::-1]
    at = placed.to_aligned(where)
    assert len(where) > 500
    assert at.min() > 90 and at.max() < 160

    landmarks = face_landmarks((20, 30), 200.0)
    picture_u8, placed = alignment.align(photo(), landmarks, 128)
    pasted = pasting.paste(photo(), placed, picture_u8, np.ones((128, 128)))
    assert np.abs(pasted.astype(float) - photo()).mean() < 1.5

    picture_u8, placed = aligned()
    small = picture_u8.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3)).astype(np.uint8)
    pasted = pasting.paste(photo(), placed, small, np.ones((64, 64)))
    assert np.abs(pasted.astype(float) - photo()).mean() < 1


def copy(photo_u8, **options):
    """The photograph after a program wrote it as JPEG."""
    file = io.BytesIO()
    Image.fromarray(photo_u8).save(file, "JPEG", **options)
    return np.array(Image.open(file))


def test_the_photograph_and_copies_of_it_are_taken_and_others_refused():
    picture_u8, placed = aligned()
    for same in (photo(), copy(photo(), quality=30), copy(photo(), subsampling=2)):
        pasting.check_photo(same, placed, picture_u8)
    with pytest.raises(PieError, match="the one that was embedded 360 x 300"):
        pasting.check_photo(photo(200, 300), placed, picture_u8)
    for other in (photo()[:, ::-1], photo()[..., ::-1], np.roll(photo(), 40, axis=1)):
        with pytest.raises(PieError, match="shows something else"):
            pasting.check_photo(other, placed, picture_u8)
        pasting.check_photo(other, placed, None)  # where no one knows what was there


def test_what_is_pasted_on_a_transparent_photograph_is_as_transparent():
    rgba = np.zeros((4, 5, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = (10, 200, 90), np.uint8([0, 60, 128, 254, 255])

    def on_white(rgba):
        page = Image.new("RGBA", (5, 4), "white")
        page.alpha_composite(Image.fromarray(rgba))
        return np.array(page)[..., :3]

    photo_u8 = on_white(rgba)
    pasted_u8 = photo_u8.copy()
    pasted_u8[1:3] = photo_u8[1:3] // 2 + 127  # lighter, so possible at any opacity
    shown = pasting.uncover(photo_u8, rgba, pasted_u8)
    np.testing.assert_array_equal(shown[..., 3], rgba[..., 3])
    np.testing.assert_array_equal(shown[[0, 3]], rgba[[0, 3]])
    opaque = rgba[..., 3] > 0
    difference = np.abs(on_white(shown).astype(int) - pasted_u8)[opaque]
    assert difference.max() <= 1
    assert (shown[1:3, 1:, :3] != rgba[1:3, 1:, :3]).any(axis=-1).all()
