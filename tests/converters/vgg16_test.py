import jax
import numpy as np
import pytest

from pie_jax.converters import vgg16 as converter
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import vgg
from tests import pickles
from tests import vgg_reference as reference
from tests.converters import vgg_files as files

MODULE = vgg.VGG16(width=files.WIDTH)
IMAGE_U8 = np.random.default_rng(3).integers(0, 256, (32, 16, 3), np.uint8)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FEATURES = ((0.48235, 0.45882, 0.40784), (1 / 255, 1 / 255, 1 / 255))
BLOCKS = files.convolutions()
STATE, TORCHVISION = files.torchvision(BLOCKS), "torchvision's state dict"
# The classifier alone tells that the features are for values of another size.
OTHER = files.pth(files.torchvision(BLOCKS, classifier=np.nan))
FORMS = [
    (TORCHVISION, files.pth(STATE), IMAGENET),
    (TORCHVISION, files.pth(STATE, pickles.torch_zip), IMAGENET),
    (f"{TORCHVISION} of features", OTHER, FEATURES),
    ("Keras's HDF5", files.keras(files.keras_vgg16(BLOCKS)), None),
    ("Keras's HDF5", files.keras(files.keras_vgg16(BLOCKS, top=False), 2), None),
    ("Keras's HDF5", files.keras(files.keras_vgg16(BLOCKS), 2, "model_weights"), None),
]


def convert(folder, content, width=files.WIDTH):
    path = folder / "vgg"
    path.write_bytes(content)
    return converter.convert(path, width)


@pytest.fixture(scope="module")
def features():
    """The network, compiled once."""
    return jax.jit(lambda params, image: MODULE.apply({"params": params}, image))


@pytest.mark.parametrize(("form", "content", "normalisation"), FORMS)
def test_features_are_those_of_the_reference(
    tmp_path, features, form, content, normalisation
):
    flat, info = convert(tmp_path, content)
    params = arrays.nest(flat)
    layout = jax.eval_shape(MODULE.init, jax.random.key(0), np.zeros((1, 8, 8, 3)))
    arrays.check(params, layout["params"], "vgg16", "")
    found = features(params, IMAGE_U8[None] / np.float32(127.5) - 1)
    if normalisation:
        expected = reference.torchvision(IMAGE_U8, BLOCKS, *normalisation)
    else:
        turned = [[(files.hwio(k), b) for k, b in block] for block in BLOCKS]
        expected = reference.keras(IMAGE_U8, turned)
    assert set(found) == set(expected) == set(vgg.TAPS)
    for tap, value in expected.items():
        assert found[tap][0].shape == value.shape and value.max() > 0
        assert np.abs(found[tap][0] - value).max() < 1e-4 * value.max(), tap
    assert info["network"] == "vgg16" and info["form"] == form
    assert info["source_file"] == "vgg" and len(info["source_sha256"]) == 64


def changed(**arrays):
    """torchvision's file with other arrays; None leaves one out."""
    state = files.torchvision(BLOCKS)
    state |= {name.replace("_", "."): array for name, array in arrays.items()}
    return files.pth({name: x for name, x in state.items() if x is not None})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"else", "holds no VGG-16"),
        (pickles.torch_zip([1]), "no state dict"),
        (changed(classifier_6_bias=None), r"has no classifier\.6\.bias, which tells"),
        (changed(features_19_weight=None), r"missing: features.19.weight \[32, 32, 3"),
        (changed(features_30_weight=np.ones(2, "f4")), "surplus: features.30.weight"),
        (files.keras(files.keras_vgg16(BLOCKS)[1:2]), r"missing: block2_conv1/kernel"),
        (files.keras([("block3_conv4", BLOCKS[0][0])]), "surplus: block3_conv4/kernel"),
    ],
)
def test_other_files_are_told_apart_and_other_widths(tmp_path, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content)
    with pytest.raises(PieError, match=r"features.17.weight: \[512, 256, 3, 3\] exp"):
        convert(tmp_path, FORMS[0][1], width=1.0)
