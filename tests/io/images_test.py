import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from pie_jax.core.errors import PieError
from pie_jax.io import images

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def gradient_u8() -> np.ndarray:
    """`[40, 60, 3]` uint8, smooth and different in every channel and direction."""
    y, x = np.mgrid[:40, :60]
    return np.stack([4 * x, 6 * y, 250 - 2 * x - 3 * y], axis=-1).astype(np.uint8)


def png(header: tuple[int, int, int, int], rows: np.ndarray) -> bytes:
    """A PNG of (width, height, bit depth, colour type) that Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    data = b"".join(b"\0" + row.tobytes() for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_give_the_upright_picture(tmp_path, orientation, mode):
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    # What the camera stores, for each EXIF value, so that the viewer sees `upright`.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    if mode == "I;16":
        image = Image.fromarray(stored.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(np.ascontiguousarray(stored)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "photo.png", exif=exif)
    result = images.read(tmp_path / "photo.png")
    np.testing.assert_array_equal(result, np.repeat(upright[:, :, None], 3, axis=2))


def test_a_jpeg_is_rotated_as_its_exif_says_where_that_can_be_read(
    tmp_path, gradient_u8
):
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's top is the picture's right
    stored = np.ascontiguousarray(np.rot90(gradient_u8))
    Image.fromarray(stored).save(path, exif=exif, quality=100, subsampling=0)
    assert np.abs(images.read(path).astype(int) - gradient_u8).max() <= 4
    Image.fromarray(gradient_u8).save(path, exif=b"Exif\0\0II*\0garbage")
    assert images.read(path).shape == gradient_u8.shape


def palette(*colours):
    """Two pixels, of the first and the second colour."""
    image = Image.new("P", (2, 1))
    image.putpalette([value for colour in colours for value in colour])
    image.putpixel((1, 0), 1)
    return image


WHITE, DEEP = (255,) * 3, np.array([[0, 257, 32896, 65535]], np.uint16)
TRANSPARENT = np.array([[(200, 0, 0, 0), (200, 0, 0, 128), (200, 0, 0, 255)]], "u1")
FLOATS = np.array([[0, 0.5, 1]], np.float32)


@pytest.mark.parametrize(
    "image, name, options, expected",
    [
        (TRANSPARENT, "a.png", {}, [[WHITE, (227, 127, 127), (200, 0, 0)]]),
        (np.array([[(10, 0), (10, 255)]], "u1"), "a.png", {}, [[WHITE, (10,) * 3]]),
        (palette(RED, BLUE), "a.png", {"transparency": 0}, [[WHITE, BLUE]]),
        (palette(RED, GREEN), "a.gif", {}, [[RED, GREEN]]),
        (np.array([[7, 9]], "u1"), "a.png", {}, [[(7,) * 3, (9,) * 3]]),
        (np.array([[False, True]]), "a.png", {}, [[(0,) * 3, WHITE]]),
        (DEEP, "a.png", {}, [[(x,) * 3 for x in (0, 1, 128, 255)]]),
        (DEEP, "a.tiff", {}, [[(x,) * 3 for x in (0, 1, 128, 255)]]),
        (FLOATS, "a.tiff", {}, [[(x,) * 3 for x in (0, 128, 255)]]),
        (255 * FLOATS, "a.tiff", {}, [[(x,) * 3 for x in (0, 128, 255)]]),
    ],
)
def test_every_kind_becomes_8_bit_rgb_on_white(
    tmp_path, image, name, options, expected
):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(tmp_path / name, **options)
    assert np.abs(images.read(tmp_path / name).astype(int) - expected).max() <= 1


def test_what_pillow_cannot_write_cmyk_and_the_first_frame_are_read(tmp_path):
    path = tmp_path / "deep"
    path.write_bytes(b"P5 4 1 65535\n" + DEEP.astype(">u2").tobytes())
    np.testing.assert_array_equal(images.read(path)[0, :, 0], [0, 1, 128, 255])
    for colour_type, channels in [(2, 3), (6, 4)]:
        values = np.full((1, 2, channels), 65535, ">u2")
        values[0, :, 0] = (0, 32896)
        path.write_bytes(png((2, 1, 16, colour_type), values))
        expected = [[(0, 255, 255), (128, 255, 255)]]
        np.testing.assert_array_equal(images.read(path), expected)

    image = Image.new("CMYK", (16, 8), (0, 255, 255, 0))
    image.paste((255, 0, 0, 0), (8, 0, 16, 8))
    image.save(tmp_path / "print.jpg", quality=95)
    image.save(tmp_path / "print.tiff")
    for name in ("print.jpg", "print.tiff"):
        result = images.read(tmp_path / name).astype(int)
        assert np.abs(result[4, 3] - RED).max() <= 3
        assert np.abs(result[4, 12] - (0, 255, 255)).max() <= 3
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    for name in ("moving.gif", "moving.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert tuple(images.read(tmp_path / name)[0, 0]) == RED


def profile_with_red_and_green_swapped() -> bytes:
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    return (
        data.replace(b"rXYZ", b"----")
        .replace(b"gXYZ", b"rXYZ")
        .replace(b"----", b"gXYZ")
    )


def test_an_embedded_colour_profile_is_converted_to_srgb(tmp_path):
    path = tmp_path / "profile.png"
    profile = profile_with_red_and_green_swapped()
    Image.new("RGB", (2, 2), RED).save(path, icc_profile=profile)
    assert np.abs(images.read(path)[0, 0].astype(int) - GREEN).max() <= 2
    Image.new("RGBA", (2, 2), (*RED, 255)).save(path, icc_profile=profile)
    assert np.abs(images.read(path)[0, 0].astype(int) - GREEN).max() <= 2


@pytest.mark.parametrize("damaged", [False, True])
def test_an_srgb_or_a_damaged_profile_leaves_every_value_as_it_is(
    tmp_path, gradient_u8, damaged
):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = b"not a profile" if damaged else profile
    Image.fromarray(gradient_u8).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), gradient_u8)


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("absent.jpg", None, "no such file"),
        ("empty.jpg", "", "empty"),
        ("text.jpg", "this is a letter, not a picture\n" * 20, "expected a photograph"),
        (".", None, "folder"),
        ("a" * 999 + ".jpg", None, "cannot be read"),
        # Not handed to another program.
        ("page.eps", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "expected"),
    ],
)
def test_errors_name_the_file_and_say_what_it_is(tmp_path, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(PieError, match=reason) as caught:
        images.read(path)
    assert str(path) in str(caught.value)


def test_a_nan_is_refused_and_a_pipe_not_waited_for(tmp_path):
    values = np.array([[0, np.nan]], np.float32)
    Image.fromarray(values).save(tmp_path / "float.tiff")
    with pytest.raises(PieError, match="finite"):
        images.read(tmp_path / "float.tiff")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(PieError, match="special file"):
            images.read(tmp_path / "pipe.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "gif"])
@pytest.mark.parametrize("kept", [0.3, 0.7])
def test_a_truncated_picture_is_an_error(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(PieError, match=f"photo.{suffix}"):
        images.read(path)


def test_damage_anywhere_gives_a_picture_or_a_clear_error(tmp_path, gradient_u8):
    random = np.random.default_rng(1)
    path = tmp_path / "photo"
    for name in ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP"):
        Image.fromarray(gradient_u8).save(path, format=name)
        sound = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(30):
            damaged = sound.copy()
            damaged[random.integers(len(sound), size=4)] = random.integers(256, size=4)
            path.write_bytes(damaged.tobytes())
            try:
                result = images.read(path)
            except PieError:
                continue
            assert result.dtype == np.uint8
            assert result.ndim == 3 and result.shape[2] == 3


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_decoding(tmp_path, side):
    # A few kilobytes that claim 144 and 3600 megapixels: on both sides of the size
    # from which Pillow itself refuses.
    rows = np.zeros((4, side), np.uint8)
    (tmp_path / "bomb.png").write_bytes(png((side, side, 8, 0), rows))
    with pytest.raises(PieError, match=r"bomb.png: too large.*128 megapixels"):
        images.read(tmp_path / "bomb.png")


def test_the_limit_on_the_size_is_the_only_one_and_a_destination_is_a_png(
    tmp_path, monkeypatch, gradient_u8
):
    Image.fromarray(gradient_u8).save(tmp_path / "photo.png")
    # Where Pillow only warns, a warning is not what the user gets.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", gradient_u8[..., 0].size - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.read(tmp_path / "photo.png").shape == gradient_u8.shape
    monkeypatch.setattr(images, "MAX_PIXELS", gradient_u8[..., 0].size - 1)
    with pytest.raises(PieError, match="60 x 40"):
        images.read(tmp_path / "photo.png")

    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PieError, match="is a folder"):
        images.check_destination(tmp_path / "folder.png")
    with pytest.raises(PieError, match=r"end the name in .png"):
        images.check_destination(tmp_path / "face.jpg")
    images.check_destination(tmp_path / "face.PNG")
    images.check_destination(tmp_path / "raw.NPY", (".png", ".npy"))
    with pytest.raises(PieError, match=r"end the name in .png or .npy"):
        images.check_destination(tmp_path / "face.jpg", (".png", ".npy"))


def test_a_png_with_its_text_raw_output_and_all_bytes_are_read_back(
    tmp_path, gradient_u8
):
    path = tmp_path / "out.png"
    path.write_text("old")
    images.write_png(path, gradient_u8, text={"note": "edited", "name": "Zoë €"})
    np.testing.assert_array_equal(images.read(path), gradient_u8)
    with Image.open(path) as image:
        assert image.text == {"note": "edited", "name": "Zoë €"}
    raw = 3 * images.from_u8(gradient_u8)[None]
    images.write_npy(tmp_path / "raw.npy", raw)
    np.testing.assert_array_equal(np.load(tmp_path / "raw.npy"), raw)
    assert {path.name for path in tmp_path.iterdir()} == {"out.png", "raw.npy"}

    every = np.arange(256, dtype=np.uint8)
    image = images.from_u8(every)
    assert image.dtype == np.float32
    assert (image[0], image[-1]) == (-1, 1)
    np.testing.assert_array_equal(images.to_u8(image), every)
    np.testing.assert_array_equal(images.to_u8(np.array([-7.0, 0, 7])), [0, 128, 255])
    with pytest.raises(ValueError, match="finite"):
        images.to_u8(np.array([0, np.nan]))


@pytest.mark.parametrize("place", ["absent/out.png", "file/out.png"])
def test_a_place_that_is_no_folder_is_an_error(tmp_path, place, gradient_u8):
    (tmp_path / "file").write_text("a file, not a folder")
    with pytest.raises(PieError, match="cannot be written"):
        images.write_png(tmp_path / place, gradient_u8)
    with pytest.raises(PieError, match="no folder"):
        images.check_destination(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_read_only_folder_is_an_error_and_stays_empty(read_only_folder, gradient_u8):
    with pytest.raises(PieError, match="Permission denied"):
        images.write_png(read_only_folder / "out.png", gradient_u8)
    with pytest.raises(PieError, match="Permission denied"):
        images.write_npy(read_only_folder / "out.npy", images.from_u8(gradient_u8))
    assert not list(read_only_folder.iterdir())


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_writing_takes_uint8_rgb_only(tmp_path, wrong):
    with pytest.raises(ValueError, match="expected uint8"):
        images.write_png(tmp_path / "out.png", wrong)
