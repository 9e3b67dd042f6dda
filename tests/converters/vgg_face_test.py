"""The converter of VGG-Face: all published forms give the reference's descriptors."""

import jax
import numpy as np
import pytest
from pie_jax.converters import vgg_face as converter

from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import vgg_face
from tests import pickles
from tests import vgg_reference as reference
from tests.converters import vgg_files as files

MODULE = vgg_face.VGGFace(width=files.WIDTH)
BLOCKS, DENSES = files.convolutions(), files.dense()
FACES_U8 = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), np.uint8)

FORMS = {
    "mat": lambda b, d: files.mat5(files.matconvnet(b, d)),
    "mat, not compressed": lambda b, d: files.mat5(files.matconvnet(b, d), False),
    "mat, older": lambda b, d: files.mat5(files.matconvnet(b, d, old=True)),
    "mat 7.3": lambda b, d: files.mat73(files.matconvnet(b, d)),
    "pth": lambda b, d: files.pth(files.vgg_face_dag(b, d)),
    "pth, zip": lambda b, d: files.pth(files.vgg_face_dag(b, d), pickles.torch_zip),
    "h5": lambda b, d: files.keras(files.keras_vgg_face(b, d)),
    "h5 of Keras 2": lambda b, d: files.keras(files.keras_vgg_face(b, d), version=2),
}


def convert(folder, content, width=files.WIDTH):
    path = folder / "vgg_face"
    path.write_bytes(content)
    return converter.convert(path, width)


@pytest.fixture(scope="module")
def parameters():
    """What every form has to give."""
    flat = {}
    names = [name for _, names in converter.BLOCKS for name in names]
    convolutions = [layer for block in BLOCKS for layer in block]
    for name, (kernel, bias) in zip(names, convolutions, strict=True):
        flat |= {f"{name}/kernel": kernel.transpose(2, 3, 1, 0), f"{name}/bias": bias}
    (fc6, fc6_bias), (fc7, fc7_bias), _ = DENSES
    columns = [fc6[:, :, i, j].T for i in range(7) for j in range(7)]
    flat |= {"fc6/kernel": np.concatenate(columns), "fc6/bias": fc6_bias}
    return flat | {"fc7/kernel": fc7.T, "fc7/bias": fc7_bias}


def test_descriptors_are_those_of_the_reference(tmp_path):
    flat, info = convert(tmp_path, FORMS["mat"](BLOCKS, DENSES))
    params = weights.nest(flat)
    layout = jax.eval_shape(MODULE.init, jax.random.key(0), np.zeros((1, 224, 224, 3)))
    weights.check(params, layout["params"], "vgg_face")
    faces = FACES_U8 / np.float32(127.5) - 1
    found = jax.jit(lambda x: MODULE.apply({"params": params}, x))(faces)
    for descriptor, face_u8 in zip(found, FACES_U8, strict=True):
        expected = reference.vgg_face(face_u8, BLOCKS, *DENSES[:2])
        assert expected.shape == (256,) and (expected > 0).mean() > 0.2
        assert np.abs(descriptor - expected).max() < 1e-4 * expected.max()
    assert info["network"] == "vgg_face" and info["form"] == "MatConvNet's .mat"


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_parameters(tmp_path, parameters, form):
    flat, info = convert(tmp_path, FORMS[form](BLOCKS, DENSES))
    assert set(flat) == set(parameters)
    for name, value in parameters.items():
        np.testing.assert_array_equal(flat[name], value, err_msg=name)
        assert flat[name].dtype == np.float32
    assert info["source_file"] == "vgg_face" and len(info["source_sha256"]) == 64


def wrong():
    """A kernel of another shape, a bias that is not finite."""
    blocks = [list(block) for block in BLOCKS]
    kernel, bias = blocks[1][0]
    blocks[1][0] = kernel[:, :2], bias * np.nan
    return blocks


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (
            FORMS["mat"],
            [
                "misshapen: conv2_1/kernel: [3, 3, 4, 8] expected, float32 [3, 3, 2, 8]",
                "not finite: conv2_1/bias",
            ],
        ),
        (
            FORMS["pth"],
            [
                "misshapen: conv2_1.weight: [8, 4, 3, 3] expected, float32 [8, 2, 3, 3]",
                "not finite: conv2_1.bias",
            ],
        ),
        (
            lambda b, d: files.keras(files.keras_vgg_face(b, d)[:-10]),
            ["misshapen: conv2_1/kernel", "missing: fc6/bias", "missing: fc7/kernel"],
        ),
    ],
)
def test_everything_that_is_wrong_is_listed_at_once(tmp_path, content, lines):
    with pytest.raises(PieError) as caught:
        convert(tmp_path, content(wrong(), DENSES))
    for line in lines:
        assert line in str(caught.value)


def test_surplus_layers_and_another_mean_are_listed(tmp_path):
    network = files.matconvnet(BLOCKS, DENSES, average=(93.594, 104.7624, 129.1863))
    network["layers"].append({"name": "fc9", "weights": [np.zeros((2, 2))]})
    with pytest.raises(PieError) as caught:
        convert(tmp_path, files.mat5(network))
    assert "surplus: fc9/kernel [2, 2]" in str(caught.value)
    assert "other values: averageImage: [129.1863" in str(caught.value)


def test_a_mean_that_is_the_same_for_all_pixels_may_be_an_image(tmp_path, parameters):
    network = files.matconvnet(BLOCKS, DENSES)
    normalization = network["meta"]["normalization"]
    normalization["averageImage"] = normalization["averageImage"] * np.ones((5, 4, 1))
    flat, _ = convert(tmp_path, files.mat5(network))
    assert set(flat) == set(parameters)
    normalization["averageImage"][2, 3] += 9
    with pytest.raises(PieError, match="other values: averageImage"):
        convert(tmp_path, files.mat5(network))


def test_only_the_true_widths_are_taken(tmp_path):
    with pytest.raises(PieError, match=r"fc6.weight: \[4096, 25088\] expected"):
        convert(tmp_path, FORMS["pth"](BLOCKS, DENSES), width=1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no VGG-Face"),
        (b"else", "holds no VGG-Face"),
        (pickles.torch_zip([1]), "no state dict"),
        (files.mat5({"x": np.zeros(3)}), "no cell `layers`"),
        (files.mat73({"layers": {"x": np.zeros(3)}}), "no cell `layers`"),
        (FORMS["mat"](BLOCKS, DENSES)[:-999], "truncated"),
        (FORMS["mat 7.3"](BLOCKS, DENSES)[:-999], "truncated"),
        (FORMS["h5"](BLOCKS, DENSES)[:-999], "truncated"),
        (FORMS["pth"](BLOCKS, DENSES)[:-999], "truncated"),
    ],
)
def test_other_and_damaged_files_are_told_apart(tmp_path, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content)
