import io
import os
import struct
import subprocess
import sys
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


def chunk(kind: bytes, body: bytes, check: int | None = None) -> bytes:
    """A piece of a PNG, with its checksum or another."""
    check = zlib.crc32(kind + body) if check is None else check
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png(header: tuple[int, int, int, int], rows: np.ndarray) -> bytes:
    """A PNG of (width, height, bit depth, colour type) that Pillow cannot write."""
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
        (
            DEEP,
            "a.tiff",
            {"tiffinfo": {262: 0}},
            [[(x,) * 3 for x in (255, 254, 127, 0)]],
        ),
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


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def renamed(profile: bytes) -> bytes:
    return profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def swapped(profile: bytes) -> bytes:
    """Red becomes green and green red."""
    for old, new in ((b"rXYZ", b"----"), (b"gXYZ", b"rXYZ"), (b"----", b"gXYZ")):
        profile = profile.replace(old, new)
    return profile


def linear(profile: bytes) -> bytes:
    """Its curves become straight lines; its name stays."""
    at = profile.index(b"para") + 8
    return profile[:at] + struct.pack(">II", 0, 1 << 16) + profile[at + 8 :]


def grey(profile: bytes) -> bytes:
    """A profile of the colour space GRAY with the curve of an RGB profile."""
    return profile[:16] + b"GRAY" + profile[20:].replace(b"rTRC", b"kTRC")


def inks() -> bytes:
    """A profile of the colour space CMYK in which cyan ink is white, and no ink black."""
    sizes = struct.pack(">4B", 4, 3, 2, 0) + struct.pack(
        ">9i", *(65536, 0, 0, 0) * 2, 65536
    )
    ramp = bytes(range(256))
    corners = b"".join(b"\xff\x80\x80" if i & 8 else b"\0\x80\x80" for i in range(16))
    table = b"mft1\0\0\0\0" + sizes + 4 * ramp + corners + 3 * ramp
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    header = bytearray(128)
    header[0:4] = struct.pack(">I", 144 + len(table))
    header[8:24] = b"\x02\x40\0\0prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + tags + table


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_colour_profile_counts_in_every_format_and_mode(tmp_path, suffix, mode):
    shown, seen = Image.new("RGB", (16, 16), RED), GREEN
    options = {"icc_profile": swapped(srgb_profile())}
    if mode == "L":  # of grey the profile changes what its curve does
        shown, seen = Image.new("RGB", (16, 16), (20,) * 3), (79,) * 3
        options["icc_profile"] = linear(srgb_profile())
    image = shown.convert(mode)
    if image.mode != mode or (suffix, mode) in {("jpg", "RGBA"), ("jpg", "P")}:
        pytest.skip("the format has no such pictures")
    if suffix in ("jpg", "webp"):
        options |= {"quality": 100}
    image.save(tmp_path / f"a.{suffix}", **options)
    result = images.read(tmp_path / f"a.{suffix}").astype(int)
    assert np.abs(result[8, 8] - seen).max() <= 3


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (2, 2), 20),
        Image.new("LA", (2, 2), (20, 255)),
        Image.fromarray(np.full((2, 2), 20 * 257, np.uint16)),
    ],
)
def test_a_grey_profile_counts(tmp_path, image):
    # 255 (1.055 (20 / 255)^(1 / 2.4) - 0.055) is 79.
    image.save(tmp_path / "a.png", icc_profile=grey(linear(srgb_profile())))
    assert np.abs(images.read(tmp_path / "a.png").astype(int) - 79).max() <= 1


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_a_profile_of_inks_counts(tmp_path, suffix):
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    image.save(tmp_path / f"a.{suffix}", icc_profile=inks())
    assert images.read(tmp_path / f"a.{suffix}").min() >= 250
    image.save(tmp_path / f"a.{suffix}")
    assert images.read(tmp_path / f"a.{suffix}")[..., 0].max() <= 5


def test_a_profile_is_what_it_does_and_not_its_name(tmp_path, gradient_u8):
    path = tmp_path / "a.png"
    for profile in (srgb_profile(), renamed(srgb_profile())):
        Image.fromarray(gradient_u8).save(path, icc_profile=profile)
        np.testing.assert_array_equal(images.read(path), gradient_u8)
    # As GIMP's "built-in Linear sRGB", whose name says sRGB as well.
    Image.fromarray(gradient_u8).save(path, icc_profile=linear(srgb_profile()))
    light = gradient_u8 / 255
    expected = 255 * np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    assert np.abs(images.read(path) - expected).max() <= 1


@pytest.mark.parametrize("profile", [b"not a profile", inks(), grey(srgb_profile())])
def test_a_profile_that_cannot_be_used_leaves_every_value_with_a_warning(
    tmp_path, gradient_u8, caplog, profile
):
    Image.fromarray(gradient_u8).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), gradient_u8)
    (message,) = caplog.messages
    assert "a.png: its colour profile" in message


LONG = zlib.compress(b"a" * 1_500_000)
XMP_TEXT = b"XML:com.adobe.xmp\0"
EXIF = b"II*\0\xff\xff\xff\xff"
CHUNKS = {
    "long": chunk(b"zTXt", b"k\0\0" + LONG),
    "long XMP": chunk(b"iTXt", XMP_TEXT + b"\1\0\0\0" + LONG),
    "many": 70 * chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 1_000_000)),
    "packed otherwise": chunk(b"zTXt", b"k\0\7x"),
    "wrong checksum": chunk(b"tEXt", b"k\0x", check=5),
    "no gamma": chunk(b"gAMA", b"x"),
    "no size": chunk(b"pHYs", b""),
    "no frames": chunk(b"acTL", b""),
    "EXIF": chunk(b"eXIf", EXIF),
    "XMP": chunk(b"iTXt", XMP_TEXT + b'\0\0\0\0tiff:Orientation="' + b"9" * 9999),
}
PROFILES = {
    "bomb": chunk(b"iCCP", b"k\0\0" + zlib.compress(b"a" * 50_000_000)),
    "packed otherwise": chunk(b"iCCP", b"k\0\7x"),
    "cut short": chunk(b"iCCP", b"k\0"),
}


@pytest.mark.parametrize(
    "damage",
    [*CHUNKS.values(), *PROFILES.values()],
    ids=[*CHUNKS, *(f"profile {x}" for x in PROFILES)],
)
@pytest.mark.parametrize("after", [False, True])
def test_metadata_does_not_hide_a_png(tmp_path, gradient_u8, caplog, damage, after):
    path = tmp_path / "a.png"
    images.write_png(path, gradient_u8, text={"note": "kept"})
    data = path.read_bytes()
    at = len(data) - 12 if after else 33
    path.write_bytes(data[:at] + damage + data[at:])
    np.testing.assert_array_equal(images.read(path), gradient_u8)
    assert images.read_text(path)["note"] == "kept"
    if not after:  # where a profile does not count
        assert len(caplog.messages) == (damage in PROFILES.values())


def test_a_long_profile_is_applied(tmp_path):
    profile = swapped(srgb_profile())
    profile = (
        struct.pack(">I", len(profile) + 2_000_000) + profile[4:] + bytes(2_000_000)
    )
    Image.new("RGB", (2, 2), RED).save(tmp_path / "a.png", icc_profile=profile)
    assert np.abs(images.read(tmp_path / "a.png")[0, 0].astype(int) - GREEN).max() <= 2


@pytest.mark.parametrize(
    "kind, content, warned",
    [
        (0xE0, b"JFIF\0", False),
        (0xE1, b"Exif\0\0" + EXIF, False),
        (0xE1, b'http://ns.adobe.com/xap/1.0/\0<tiff:Orientation="999', False),
        (0xE2, b"ICC_PROFILE\0", True),
        (0xE2, b"ICC_PROFILE\0\1\3abc", True),
        (0xE2, b"MPF\0" + EXIF, False),
        (0xED, b"Photoshop 3.0\x008BIM\4\4\xff", False),
        (0xEE, b"Adobe", False),
    ],
)
def test_metadata_does_not_hide_a_jpeg(
    tmp_path, gradient_u8, caplog, kind, content, warned
):
    path = tmp_path / "a.jpg"
    Image.fromarray(gradient_u8).save(path)
    expected = images.read(path)
    data = path.read_bytes()
    damage = struct.pack(">BBH", 0xFF, kind, len(content) + 2) + content
    path.write_bytes(data[:2] + damage + data[2:])
    np.testing.assert_array_equal(images.read(path), expected)
    assert len(caplog.messages) == warned
    assert images.read_text(path) == {}


@pytest.mark.parametrize(
    "suffix, options",
    [
        ("webp", {"exif": b"Exif\0\0" + EXIF}),
        ("webp", {"icc_profile": b"junk"}),
        ("tiff", {"icc_profile": b"junk"}),
    ],
)
def test_metadata_does_not_hide_other_pictures(tmp_path, gradient_u8, suffix, options):
    path = tmp_path / f"a.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(gradient_u8).save(path, **lossless, **options)
    np.testing.assert_array_equal(images.read(path), gradient_u8)


@pytest.mark.parametrize("tag", [270, 274])  # description, orientation
def test_metadata_beyond_the_end_does_not_hide_a_tiff(tmp_path, gradient_u8, tag):
    path = tmp_path / "a.tiff"
    Image.fromarray(gradient_u8).save(path)
    data = bytearray(path.read_bytes())
    (begin,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, begin)
    size = begin + 2 + 12 * count
    entries = [bytes(data[i : i + 12]) for i in range(begin + 2, size, 12)]
    # Of another kind than it should be, too.
    entries.append(struct.pack("<HHII", tag, 7, 1000, 999_999_999))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    data[4:8] = struct.pack("<I", len(data))
    data += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(data)
    np.testing.assert_array_equal(images.read(path), gradient_u8)


MEASURE = """
import re, sys
from pathlib import Path
from pie_jax.io import images
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = most()
images.read(sys.argv[1])
print(1024 * (most() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_reading_takes_the_decoded_picture_and_the_result(tmp_path, mode):
    path = tmp_path / "large.png"
    image = Image.new(mode, (4096, 4096), 100)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif, icc_profile=swapped(srgb_profile()))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < (4 + 3) * 4096**2 + 60_000_000


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


@pytest.mark.parametrize("name", ["a.webp", "progressive.jpg", "scans.jpg", "a.jp2"])
def test_what_decoders_hold_several_times_has_a_lower_limit(
    tmp_path, monkeypatch, gradient_u8, name
):
    path, size = tmp_path / name, gradient_u8[..., 0].size
    if name == "scans.jpg":
        path.write_bytes(jpeg_of_scans(60, 40, 1))
    else:
        options = {"progressive": True} if name == "progressive.jpg" else {}
        Image.fromarray(gradient_u8).save(path, **options)
    assert images.read(path).shape == gradient_u8.shape
    for limit, channels in ((size - 1, "RGB"), (size, "RGBA")):
        if channels == "RGBA":
            if name != "a.jp2":
                continue
            Image.fromarray(gradient_u8).convert(channels).save(path)
        monkeypatch.setattr(images, "MAX_PIXELS_HELD", limit)
        with pytest.raises(PieError, match="60 x 40"):
            images.read(path)


def test_a_picture_in_a_jpegs_metadata_is_no_scan_of_it(tmp_path, monkeypatch):
    path, small = tmp_path / "a.jpg", io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "JPEG")
    Image.new("RGB", (60, 40)).save(path, exif=b"Exif\0\0" + small.getvalue())
    monkeypatch.setattr(images, "MAX_PIXELS_HELD", 1)
    assert images.read(path).shape == (40, 60, 3)


def jpeg_of_scans(width, height, times):
    """A grey JPEG that is not progressive: each colour in scans of its own."""

    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    shape = struct.pack(">BHHB", 8, height, width, 3)
    colours = b"".join(bytes([i + 1, 0x11, 0]) for i in range(3))
    lengths = bytes([1, *[0] * 15, 0])
    scans = (
        segment(0xDA, bytes([1, i + 1, 0, 0, 63, 0])) + bytes(1 + width * height // 256)
        for i in range(3)
    )
    parts = (
        segment(0xDB, bytes([0, *[1] * 64])),
        segment(0xC0, shape + colours),
        *(segment(0xC4, bytes([kind]) + lengths) for kind in (0, 0x10)),
    )
    return b"\xff\xd8" + b"".join(parts) + times * b"".join(scans) + b"\xff\xd9"


def test_a_picture_of_very_many_rows_is_refused(tmp_path):
    path = tmp_path / "tall.png"
    for height in (100_000, 100_001):
        path.write_bytes(png((1, height, 8, 0), np.zeros((height, 1), np.uint8)))
        if height == 100_000:
            assert images.read(path).shape == (height, 1, 3)
    with pytest.raises(PieError, match="1 x 100001 pixels"):
        images.read(path)


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path):
    path = tmp_path / "scans.jpg"
    Image.new("L", (4000, 4000)).save(path, progressive=True)
    data = path.read_bytes()
    last = data.rindex(b"\xff\xda")
    path.write_bytes(data[:last] + 200 * data[last:-2] + data[-2:])
    with pytest.raises(PieError, match="4000 x 4000 pixels 2.. times"):
        images.read(path)
    path.write_bytes(jpeg_of_scans(4000, 4000, 70))
    with pytest.raises(PieError, match="4000 x 4000 pixels 210 times"):
        images.read(path)


def test_a_bomb_in_an_icon_is_refused(tmp_path, monkeypatch):
    content = png((60, 40, 8, 0), np.zeros((40, 60), np.uint8))
    head = struct.pack("<3H4B2H2I", 0, 1, 1, 16, 16, 0, 0, 1, 8, len(content), 22)
    (tmp_path / "a.ico").write_bytes(head + content)
    assert images.read(tmp_path / "a.ico").shape == (40, 60, 3)
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(PieError, match="60 x 40"):
        images.read(tmp_path / "a.ico")


def test_transparency_is_read_where_there_is_any(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(TRANSPARENT).save(path)
    np.testing.assert_array_equal(images.read_rgba(path), TRANSPARENT)
    images.write_png(path, TRANSPARENT)
    np.testing.assert_array_equal(images.read_rgba(path), TRANSPARENT)
    images.write_png(path, TRANSPARENT[..., :3])
    assert images.read_rgba(path) is None


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
