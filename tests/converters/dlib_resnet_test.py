"""Reading dlib's files, and parity of the recognition network with dlib itself."""

import itertools
import struct

import jax
import numpy as np
import pytest
from pie_jax.converters import carriers, stack
from pie_jax.converters import dlib_resnet as converter
from pie_jax.converters.dlib_format import DlibReader

from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import dlib_resnet
from tests import builders


# A writer of dlib's format, the reader's mirror image.
def integer(value):
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(
        size, "little"
    )


def integers(*values):
    return b"".join(integer(value) for value in values)


def string(text):
    return integer(len(text)) + text.encode()


def floating(value):
    """A value whose mantissa fits into 24 bits."""
    mantissa, exponent = np.frexp(value)
    return integers(int(mantissa * 2**24), int(exponent) - 24)


def tensor(values):
    shape = values.shape + (1,) * (4 - values.ndim) if values.size else (0,) * 4
    return integers(2, *shape) + values.astype("<f4").tobytes()


def alias(*shape):
    return integers(1, *shape)


def layer(details, *, before_trailer=b"111"):
    return details + before_trailer + 3 * tensor(np.zeros(0))


def convolution(kernel, bias):
    values = np.concatenate([kernel.ravel(), bias])
    return layer(
        string("con_4")
        + tensor(values)
        + integers(len(bias), *kernel.shape[2:], 1, 1, 0, 0)
        + alias(*kernel.shape)
        + alias(1, len(bias), 1, 1)
        + 4 * floating(1.0)
    )


def affine(scale, shift):
    shape = alias(1, len(scale), 1, 1)
    values = tensor(np.concatenate([scale, shift]))
    return layer(string("affine_") + values + 2 * shape + integer(0))


def dense(kernel):
    return layer(
        string("fc_2")
        + integers(kernel.shape[1], kernel.shape[0])
        + tensor(kernel)
        + alias(*kernel.shape, 1, 1)
        + alias(0, 0, 0, 0)
        + integer(1)
        + 4 * floating(1.0)
    )


def network_file(convolutions, affines, dense_kernel, *, rows=150):
    """A whole file: small convolutions, each with its affine layer, and the rest."""
    layers = [
        part
        for (kernel, bias), (scale, shift) in zip(convolutions, affines, strict=True)
        for part in (convolution(kernel, bias), affine(scale, shift))
    ]
    layers.append(layer(string("relu_")))
    layers.append(layer(string("avg_pool_2") + integers(0, 0, 1, 1, 0, 0)))
    layers.append(dense(dense_kernel))
    head = integer(1) + string("loss_metric_2") + floating(0.5) + floating(0.625)
    tags = integer(1)  # an add_tag among the headers: it has no layer of its own
    headers = integer(2) * (len(layers) - 1) + tags + integer(3)
    means = b"".join(floating(np.float32(mean)) for mean in dlib_resnet.MEAN_RGB)
    source = string("input_rgb_image_sized") + means + integers(rows, 150)
    return head + headers + source + layers[0] + integer(1) + b"".join(layers[1:])


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    count = len(dlib_resnet.convolution_names())
    convolutions = [
        (rng.random((2, 3, 3, 3), np.float32), rng.random(2, np.float32))
        for _ in range(count)
    ]
    affines = [rng.random((2, 2), np.float32) for _ in range(count)]
    return convolutions, affines, rng.random((4, 3), np.float32)


@pytest.mark.parametrize("value", [0, 1, -1, 255, 256, -65536, 2**63 - 1])
def test_integers_are_read_with_their_sign_and_size(value):
    reader = DlibReader(integer(value), "test")
    assert reader.integer() == value
    reader.finish()


def test_floats_are_mantissa_times_power_of_two():
    content = floating(0.625) + floating(-3.0) + integers(1, 32000) + integers(1, 32001)
    reader = DlibReader(content + integers(1, 32002), "test")
    assert [reader.floating() for _ in range(4)] == [0.625, -3.0, np.inf, -np.inf]
    assert np.isnan(reader.floating())


def test_tensors_keep_shape_and_values():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 1, 4)
    reader = DlibReader(tensor(values), "test")
    np.testing.assert_array_equal(reader.tensor(), values)
    reader.finish()


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"\x00", DlibReader.integer),
        (b"\x0f" + bytes(15), DlibReader.integer),
        (b"\x04\x01", DlibReader.integer),
        (b"2", DlibReader.boolean),
        (integer(-3) + b"abc", DlibReader.string),
        (integer(4) + b"abc", DlibReader.string),
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


def test_affine_layers_are_folded_into_the_convolutions(parts):
    flat = converter.convert({converter.FILE: network_file(*parts)})
    convolutions, affines, dense_kernel = parts
    names = dlib_resnet.convolution_names()
    assert len(flat) == 2 * len(names) + 1
    rng = np.random.default_rng(1)
    patch = rng.random((3, 3, 3), np.float32)  # rows, columns, channels
    for name, (kernel, bias), (scale, shift) in zip(
        names, convolutions, affines, strict=True
    ):
        convolved = np.einsum("hwi,oihw->o", patch, kernel) + bias
        folded = np.einsum("hwi,hwio->o", patch, flat[f"{name}/kernel"])
        found = folded + flat[f"{name}/bias"]
        np.testing.assert_allclose(found, convolved * scale + shift, rtol=1e-5)
    np.testing.assert_array_equal(flat["fc/kernel"], dense_kernel)
    assert all(value.dtype == np.float32 for value in flat.values())


def test_a_file_truncated_anywhere_is_a_clear_error(parts):
    whole = network_file(*parts)
    for length in [*range(200), *range(200, len(whole), 97), len(whole) - 1]:
        with pytest.raises(PieError, match="fetch it again"):
            converter.convert({converter.FILE: whole[:length]})


def test_bytes_after_the_end_are_a_clear_error(parts):
    with pytest.raises(PieError, match="1 bytes are left"):
        converter.convert({converter.FILE: network_file(*parts) + b"0"})


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"\x01\x01" + string("x")])
def test_another_kind_of_file_is_a_clear_error(content):
    with pytest.raises(PieError, match="fetch it again"):
        converter.convert({converter.FILE: content})


def test_a_network_of_other_size_is_a_clear_error(parts):
    convolutions, affines, dense_kernel = parts
    fewer = network_file(convolutions[1:], affines[1:], dense_kernel)
    with pytest.raises(PieError, match="29 convolutions"):
        converter.convert({converter.FILE: fewer})
    with pytest.raises(PieError, match="rows 150"):
        converter.convert({converter.FILE: network_file(*parts, rows=96)})


def test_another_file_name_is_a_clear_error():
    with pytest.raises(PieError, match=r"other\.dat"):
        converter.convert({"other.dat": b""})


PORTRAITS = (
    "carter.jpg",
    "conrad.jpg",
    "eisenhower.jpg",
    "epps.jpg",
    "glover.jpg",
    "jemison.jpg",
    "kennedy.jpg",
    "koch.jpg",
    "koch2.jpg",
    "mitchell.jpg",
    "ride.jpg",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """dlib's own network."""
    dlib = pytest.importorskip("dlib")
    members = carriers.read_members("face-recognition-models", [converter.FILE])
    file = tmp_path_factory.mktemp("dlib") / converter.FILE
    file.write_bytes(members[converter.FILE])
    return dlib.face_recognition_model_v1(str(file))


@pytest.fixture(scope="module")
def describe():
    stack.ensure("dlib_resnet")
    params = weights.load("dlib_resnet")
    network = jax.jit(dlib_resnet.DlibResNet().apply)
    return lambda chip: network({"params": params}, chip[None] / np.float32(127.5) - 1)[
        0
    ]


def portrait_chips():
    """dlib's own chip of the largest face in each portrait."""
    dlib = pytest.importorskip("dlib")
    stack.ensure("landmarks68")
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(weights.path("landmarks68")))
    chips = []
    for name in PORTRAITS:
        image = dlib.load_rgb_image(str(builders.portrait(name)))
        face = max(detector(image, 0) or detector(image, 1), key=lambda box: box.area())
        chips.append(dlib.get_face_chip(image, predictor(image, face), 150, 0.25))
    return chips


@pytest.mark.real
def test_descriptor_of_any_chip_equals_dlibs(original, describe):
    chip = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    expected = np.asarray(original.compute_face_descriptor(chip))
    np.testing.assert_allclose(describe(chip), expected, atol=1e-5, rtol=0)


@pytest.mark.real
def test_portraits_match_as_by_dlib(original, describe):
    chips = portrait_chips()
    expected = np.array([original.compute_face_descriptor(chip) for chip in chips])
    found = np.array([describe(chip) for chip in chips])
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=0)
    for a, b in itertools.combinations(range(len(chips)), 2):
        matches = [
            np.linalg.norm(values[a] - values[b]) < dlib_resnet.MATCH_DISTANCE
            for values in (found, expected)
        ]
        assert matches[0] == matches[1], (PORTRAITS[a], PORTRAITS[b])
    same = PORTRAITS.index("koch.jpg"), PORTRAITS.index("koch2.jpg")
    distance = np.linalg.norm(found[same[0]] - found[same[1]])
    assert distance < dlib_resnet.MATCH_DISTANCE
