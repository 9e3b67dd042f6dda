import jax
import numpy as np
import pytest

from pie_jax.converters import vgg_face as converter
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import vgg_face
from tests import pickles
from tests import vgg_reference as reference
from tests.converters import vgg_files as files
from tests.converters.matlab_files import mat5, mat73

MODULE = vgg_face.VGGFace(width=files.WIDTH)
BLOCKS, DENSES = files.convolutions(), files.dense()
FACES_U8 = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), np.uint8)
MEAN = np.float32([129.1863, 104.7624, 93.5940])
NETWORK = files.matconvnet(BLOCKS, DENSES)

FORMS = {
    "MatConvNet's .mat": [
        mat5(NETWORK),
        mat5(files.matconvnet(BLOCKS, DENSES, old=True), compressed=False),
        mat5(files.matconvnet(BLOCKS, DENSES, average=MEAN * np.ones((5, 4, 1), "f4"))),
        mat73(NETWORK),
    ],
    "pytorch-mcn's state dict": [
        files.pth(files.vgg_face_dag(BLOCKS, DENSES)),
        files.pth(files.vgg_face_dag(BLOCKS, DENSES), pickles.torch_zip),
    ],
    "Keras's HDF5": [
        files.keras(files.keras_vgg_face(BLOCKS, DENSES)),
        files.keras(files.keras_vgg_face(BLOCKS, DENSES), version=2),
    ],
}


def convert(folder, content, width=files.WIDTH):
    path = folder / "vgg_face"
    path.write_bytes(content)
    return converter.convert(path, width)


def test_descriptors_are_those_of_the_reference(tmp_path):
    flat, info = convert(tmp_path, FORMS["MatConvNet's .mat"][0])
    params = arrays.nest(flat)
    layout = jax.eval_shape(MODULE.init, jax.random.key(0), np.zeros((1, 224, 224, 3)))
    arrays.check(params, layout["params"], "vgg_face", "")
    faces = FACES_U8 / np.float32(127.5) - 1
    found = jax.jit(lambda x: MODULE.apply({"params": params}, x))(faces)
    for descriptor, face_u8 in zip(found, FACES_U8, strict=True):
        expected = reference.vgg_face(face_u8, BLOCKS, *DENSES[:2])
        assert expected.shape == (256,) and (expected > 0).mean() > 0.2
        assert np.abs(descriptor - expected).max() < 1e-4 * expected.max()
    assert info["network"] == "vgg_face"
    assert info["source_file"] == "vgg_face" and len(info["source_sha256"]) == 64


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_parameters(tmp_path, form):
    expected, _ = convert(tmp_path, FORMS["MatConvNet's .mat"][0])
    for content in FORMS[form]:
        flat, info = convert(tmp_path, content)
        assert info["form"] == form and set(flat) == set(expected)
        for name, value in expected.items():
            np.testing.assert_array_equal(flat[name], value, err_msg=name, strict=True)


UNEVEN = MEAN * np.ones((5, 4, 1), np.float32)
UNEVEN[2, 3] += 9
EXTRA = {"name": "fc9", "weights": [np.zeros((2, 2))]}
THREE = {"name": "fc9", "weights": [np.zeros((2, 2))] * 3}


def layers(*added, **options):
    network = files.matconvnet(BLOCKS, DENSES, **options)
    return mat5(network | {"layers": [*network["layers"], *added]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"else", "holds no VGG-Face"),
        (pickles.torch_zip([1]), "no state dict"),
        (mat5({"x": np.zeros(3)}), "no cell `layers`"),
        (mat73({"layers": {"x": np.zeros((1, 3))}}), "no cell `layers`"),
        (mat5({"layers": NETWORK["layers"][2:]}), r"missing: conv1_1/kernel \[3, 3, 3"),
        (layers(EXTRA), r"surplus: fc9/kernel: float64"),
        (layers(THREE), r"surplus: fc9/weights 3: float64"),
        (layers(average=MEAN[::-1]), r"other values: averageImage: \[129.1863"),
        (layers(average=UNEVEN), r"misshapen: averageImage: \[3\] expected"),
        (files.keras(files.keras_vgg_face(BLOCKS, [])), "missing: fc7/kernel"),
        (files.pth(files.vgg_face_dag(BLOCKS[:4] + [[]], DENSES)), "conv5_1.weight"),
    ],
)
def test_other_files_are_told_apart_and_other_widths(tmp_path, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content)
    narrow = FORMS["pytorch-mcn's state dict"][0]
    with pytest.raises(PieError, match=r"fc6.weight: \[4096, 25088\] expected"):
        convert(tmp_path, narrow, width=1.0)
