"""The converter of VGG-16: every published form gives the reference's features."""

import jax
import numpy as np
import pytest
from pie_jax.converters import vgg16 as converter

from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import vgg
from tests import pickles
from tests import vgg_reference as reference
from tests.converters import vgg_files as files

MODULE = vgg.VGG16(width=files.WIDTH)
IMAGE_U8 = np.random.default_rng(3).integers(0, 256, (32, 16, 3), np.uint8)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FEATURES = ((0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255))


@pytest.fixture(scope="module")
def blocks():
    return files.convolutions()


@pytest.fixture(scope="module")
def features():
    """The network, compiled once."""
    return jax.jit(lambda params, image: MODULE.apply({"params": params}, image))


def convert(folder, content, **options):
    path = folder / "vgg"
    path.write_bytes(content)
    return converter.convert(path, **options)


def features_of(folder, content, features):
    """What the network makes of the picture with the file's parameters."""
    flat, info = convert(folder, content, width=files.WIDTH)
    params = weights.nest(flat)
    layout = jax.eval_shape(MODULE.init, jax.random.key(0), np.zeros((1, 8, 8, 3)))
    weights.check(params, layout["params"], "vgg16")
    found = features(params, IMAGE_U8[None] / np.float32(127.5) - 1)
    return {tap: value[0] for tap, value in found.items()}, info


def assert_equal(found, expected):
    assert set(found) == set(expected) == set(vgg.TAPS)
    for tap, value in expected.items():
        assert found[tap].shape == value.shape and value.max() > 0
        error = np.abs(found[tap] - value).max() / value.max()
        assert error < 1e-4, (tap, error)


@pytest.mark.parametrize("write", [pickles.torch_legacy, pickles.torch_zip])
def test_torchvisions_file_gives_its_features(tmp_path, blocks, features, write):
    content = files.pth(files.torchvision(blocks), write)
    found, info = features_of(tmp_path, content, features)
    assert_equal(found, reference.torchvision(IMAGE_U8, blocks, *IMAGENET))
    assert info["network"] == "vgg16" and info["form"] == "torchvision's state dict"
    assert info["source_file"] == "vgg" and len(info["source_sha256"]) == 64


def test_torchvisions_file_of_features_is_told_by_its_classifier(
    tmp_path, blocks, features
):
    # These are for values of another size, so that the results must differ.
    content = files.pth(files.torchvision(blocks, classifier=np.nan))
    found, info = features_of(tmp_path, content, features)
    assert_equal(found, reference.torchvision(IMAGE_U8, blocks, *FEATURES))
    assert "features" in info["form"]


@pytest.mark.parametrize("top", [True, False])
@pytest.mark.parametrize(
    "options", [{"version": 1}, {"version": 2}, {"inside": "model_weights"}]
)
def test_kerass_files_give_its_features(tmp_path, blocks, features, top, options):
    content = files.keras(files.keras_vgg16(blocks, top), **options)
    found, info = features_of(tmp_path, content, features)
    turned = [[(files.hwio(k), b) for k, b in block] for block in blocks]
    assert_equal(found, reference.keras(IMAGE_U8, turned))
    assert info["form"] == "Keras's HDF5"


def test_everything_that_is_wrong_in_a_state_dict_is_listed_at_once(tmp_path, blocks):
    state = files.torchvision(blocks)
    del state["features.2.bias"], state["features.19.weight"]
    state["features.5.weight"] = state["features.5.weight"][:, :1]
    state["features.10.bias"] = state["features.10.bias"] * np.nan
    state["features.30.weight"] = np.zeros(2, np.float32)
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.pth(state), width=files.WIDTH)
    shape = "[8, 4, 3, 3] expected, float32 [8, 1, 3, 3] found"
    assert str(caught.value).splitlines()[1:] == [
        "  missing: features.2.bias [4]",
        "  missing: features.19.weight [32, 32, 3, 3]",
        "  surplus: features.30.weight [2]",
        f"  misshapen: features.5.weight: {shape}",
        "  not finite: features.10.bias",
    ]


def test_everything_that_is_wrong_in_a_keras_file_is_listed_at_once(tmp_path, blocks):
    layers = dict(files.keras_vgg16(blocks, top=False))
    del layers["block2_conv1"]
    layers["block3_conv4"] = layers["block3_conv3"]  # as in VGG-19
    kernel, shift = layers["block1_conv1"]
    layers["block1_conv1"] = kernel[..., :2], np.full_like(shift, np.inf)
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.keras(list(layers.items())), width=files.WIDTH)
    for line in (
        "missing: block2_conv1/kernel [3, 3, 4, 8]",
        "missing: block2_conv1/bias [8]",
        "surplus: block3_conv4/kernel [3, 3, 16, 16]",
        "misshapen: block1_conv1/kernel: [3, 3, 3, 4] expected, float32 [3, 3, 3, 2]",
        "not finite: block1_conv1/bias",
    ):
        assert line in str(caught.value)


def test_only_the_true_widths_are_taken(tmp_path, blocks):
    with pytest.raises(PieError, match=r"features.17.weight: \[512, 256, 3, 3\] exp"):
        convert(tmp_path, files.pth(files.torchvision(blocks)))


def without_classifier(blocks):
    state = files.torchvision(blocks)
    return files.pth({k: v for k, v in state.items() if "classifier" not in k})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda b: b"", "holds no VGG-16"),
        (lambda b: b"else", "holds no VGG-16"),
        (lambda b: pickles.torch_zip([1]), "no state dict"),
        (without_classifier, r"has no classifier\.6\.bias, which tells"),
        (lambda b: files.pth(files.torchvision(b))[:-999], "truncated"),
        (lambda b: files.keras(files.keras_vgg16(b))[:-999], "truncated"),
    ],
)
def test_other_and_damaged_files_are_told_apart(tmp_path, blocks, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content(blocks), width=files.WIDTH)
