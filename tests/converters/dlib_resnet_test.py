import struct

import jax
import numpy as np
import pytest
from pie_jax.converters.dlib_format import DlibReader

from pie_jax.converters import dlib_resnet as converter
from pie_jax.core.errors import PieError
from pie_jax.networks import dlib_resnet
from pie_jax.stack import cache, carriers, fetch
from tests import builders


# A writer of dlib's format, the reader's mirror image.
def integers(*values):
    content = b""
    for value in values:
        size = max(1, (abs(value).bit_length() + 7) // 8)
        content += bytes([size | (0x80 if value < 0 else 0)])
        content += abs(value).to_bytes(size, "little")
    return content


def string(text):
    return integers(len(text)) + text.encode()


def floating(value):
    """A value whose mantissa fits into 24 bits."""
    mantissa, exponent = np.frexp(value)
    return integers(int(mantissa * 2**24), int(exponent) - 24)


def tensor(values):
    shape = values.shape + (1,) * (4 - values.ndim) if values.size else (0,) * 4
    return integers(2, *shape) + values.astype("<f4").tobytes()


def alias(*shape):
    return integers(1, *shape)


def layer(tag, *details):
    return string(tag) + b"".join(details) + b"111" + 3 * tensor(np.zeros(0))


def convolution(kernel, bias):
    values = tensor(np.concatenate([kernel.ravel(), bias]))
    sizes = integers(len(bias), *kernel.shape[2:], 1, 1, 0, 0)
    shapes = alias(*kernel.shape) + alias(1, len(bias), 1, 1)
    return layer("con_4", values, sizes, shapes, 4 * floating(1.0))


def affine(values):
    shape = alias(1, values.size // 2, 1, 1)
    return layer("affine_", tensor(values.ravel()), 2 * shape, integers(0))


def dense(kernel):
    sizes, shapes = integers(*kernel.shape[::-1]), alias(*kernel.shape, 1, 1)
    shapes += alias(0, 0, 0, 0)
    return layer("fc_2", sizes, tensor(kernel), shapes, integers(1), 4 * floating(1.0))


def network_file(convolutions, affines, dense_kernel, *, rows=150, mean=None):
    """A whole file: small convolutions, each with its affine layer, and the rest."""
    layers = [
        part
        for pair, both in zip(convolutions, affines, strict=True)
        for part in (convolution(*pair), affine(both))
    ]
    layers.append(layer("relu_"))
    layers.append(layer("avg_pool_2", integers(0, 0, 1, 1, 0, 0)))
    layers.append(dense(dense_kernel))
    head = integers(1) + string("loss_metric_2") + floating(0.5) + floating(0.625)
    tags = integers(1)  # an add_tag among the headers: it has no layer of its own
    headers = integers(2) * (len(layers) - 1) + tags + integers(3)
    means = b"".join(floating(np.float32(x)) for x in mean or dlib_resnet.MEAN_RGB)
    source = string("input_rgb_image_sized") + means + integers(rows, 150)
    return head + headers + source + layers[0] + integers(1) + b"".join(layers[1:])


NAMES, RNG = dlib_resnet.convolution_names(), np.random.default_rng(0)
CONVOLUTIONS = [
    (RNG.random((2, 3, 3, 3), np.float32), RNG.random(2, np.float32)) for _ in NAMES
]
AFFINES = [RNG.random((2, 2), np.float32) for _ in NAMES]
DENSE = RNG.random((4, 3), np.float32)
WHOLE = network_file(CONVOLUTIONS, AFFINES, DENSE)


def test_values_are_read_as_they_were_written():
    numbers = [0, 1, -1, 255, 256, -65536, 2**63 - 1]
    floats = floating(0.625) + floating(-3.0) + integers(1, 32000) + integers(1, 32001)
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 1, 4)
    content = integers(*numbers) + floats + integers(1, 32002) + tensor(values)
    reader = DlibReader(content, "test")
    assert [reader.integer() for _ in numbers] == numbers
    assert [reader.floating() for _ in range(4)] == [0.625, -3.0, np.inf, -np.inf]
    assert np.isnan(reader.floating())
    np.testing.assert_array_equal(reader.tensor(), values)
    reader.finish()


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"\x00", DlibReader.integer),
        (b"\x0f" + bytes(15), DlibReader.integer),
        (b"\x04\x01", DlibReader.integer),
        (b"\x11\x01", DlibReader.integer),
        (b"2", DlibReader.boolean),
        (integers(-3) + b"abc", DlibReader.string),
        (integers(4) + b"abc", DlibReader.string),
        (integers(1, 5000), DlibReader.floating),
        (integers(1, 1, 1, 1, 1) + bytes(4), DlibReader.tensor),
        (integers(2, 2**40, 2**40, 1, 1), DlibReader.tensor),
        (integers(2, 1, 1, 1, 2) + struct.pack("<f", 1), DlibReader.tensor),
        (integers(2, 1, 1, 1, 1), DlibReader.alias_tensor),
        (b"1", DlibReader.finish),
    ],
)
def test_bytes_that_hold_something_else_are_a_clear_error(content, read):
    with pytest.raises(PieError, match="piece.dat cannot be read"):
        read(DlibReader(content, "piece.dat"))


def test_affine_layers_are_folded_and_a_file_truncated_anywhere_is_a_clear_error():
    flat = converter.convert({converter.FILE: WHOLE})
    assert len(flat) == 2 * len(NAMES) + 1
    patch = np.random.default_rng(1).random((3, 3, 3), np.float32)  # channels last
    for name, (kernel, bias), (scale, shift) in zip(
        NAMES, CONVOLUTIONS, AFFINES, strict=True
    ):
        convolved = np.einsum("hwi,oihw->o", patch, kernel) + bias
        folded = np.einsum("hwi,hwio->o", patch, flat[f"{name}/kernel"])
        found = folded + flat[f"{name}/bias"]
        np.testing.assert_allclose(found, convolved * scale + shift, rtol=1e-5)
    np.testing.assert_array_equal(flat["fc/kernel"], DENSE)
    assert all(value.dtype == np.float32 for value in flat.values())
    for length in [*range(200), *range(200, len(WHOLE), 97), len(WHOLE) - 1]:
        with pytest.raises(PieError, match="fetch it again"):
            converter.convert({converter.FILE: WHOLE[:length]})


FEWER = network_file(CONVOLUTIONS[1:], AFFINES[1:], DENSE)
WIDE = [np.ones((2, 3), np.float32), *AFFINES[1:]]
ODD = [np.ones((1, 3), np.float32), *AFFINES[1:]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n", "fetch it again"),
        (WHOLE + b"0", "1 bytes are left"),
        (WHOLE.replace(b"loss_metric_2", b"loss_metric_3"), "ending in loss_metric_2"),
        (WHOLE.replace(integers(2, 2, 2), integers(2, 4, 2), 1), "4 opens no layer"),
        (WHOLE.replace(b"rgb_image_sized", b"rgb_image_other"), "RGB input of fixed"),
        (network_file([], [], DENSE, mean=(1, 2, 3)), "means .* were expected"),
        (WHOLE.replace(b"relu_", b"tanh_"), "'tanh_' does not belong"),
        (WHOLE.replace(alias(1, 2, 1, 1), alias(1, 3, 1, 1), 1), "own sizes"),
        (
            WHOLE.replace(
                integers(3, 4) + tensor(DENSE), integers(9, 4) + tensor(DENSE)
            ),
            "a dense layer's parameters",
        ),
        (network_file(CONVOLUTIONS, ODD, DENSE), "scales and shifts differ"),
        (network_file(CONVOLUTIONS, WIDE, DENSE), "differ in channels"),
        (FEWER, "29 convolutions"),
        (network_file(CONVOLUTIONS, AFFINES, DENSE, rows=96), "rows 150"),
    ],
)
def test_other_files_are_a_clear_error(content, message):
    with pytest.raises(PieError, match=message):
        converter.convert({converter.FILE: content})
    with pytest.raises(PieError, match=r"other\.dat"):
        converter.convert({"other.dat": content})


PORTRAITS = (
    *("carter", "conrad", "eisenhower", "epps", "glover", "jemison", "kennedy"),
    *("mitchell", "ride", "koch", "koch2"),
)


def noise(dlib):
    """The same chip twice."""
    return 2 * [np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)]


def portrait_chips(dlib):
    """dlib's own chip of the largest face in each portrait."""
    fetch.ensure("landmarks68")
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(cache.path("landmarks68")))
    for name in PORTRAITS:
        image = dlib.load_rgb_image(str(builders.portrait(f"{name}.jpg")))
        face = max(detector(image, 0) or detector(image, 1), key=lambda box: box.area())
        yield dlib.get_face_chip(image, predictor(image, face), 150, 0.25)


@pytest.mark.real
@pytest.mark.parametrize(("make", "limit"), [(noise, 1e-5), (portrait_chips, 1e-3)])
def test_descriptors_are_dlibs_and_match_as_by_dlib(tmp_path, make, limit):
    dlib = pytest.importorskip("dlib")
    file = tmp_path / converter.FILE
    members = carriers.read_members("face-recognition-models", [converter.FILE])
    file.write_bytes(members[converter.FILE])
    original = dlib.face_recognition_model_v1(str(file)).compute_face_descriptor
    fetch.ensure("dlib_resnet")
    params = cache.load("dlib_resnet")
    network = jax.jit(dlib_resnet.DlibResNet().apply)
    chips = list(make(dlib))
    expected = np.array([original(chip) for chip in chips])
    pixels = [chip[None] / np.float32(127.5) - 1 for chip in chips]
    found = np.concatenate([network({"params": params}, x) for x in pixels])
    np.testing.assert_allclose(found, expected, atol=limit, rtol=0)
    matches, as_dlib = (
        np.linalg.norm(x[:, None] - x, axis=-1) < dlib_resnet.MATCH_DISTANCE
        for x in (found, expected)
    )
    np.testing.assert_array_equal(matches, as_dlib)
    assert matches[-1, -2]  # the same person
