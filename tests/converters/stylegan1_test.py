"""The converter of StyleGAN 1: all published forms give the reference's pictures."""

import jax
import numpy as np
import pytest
from pie_jax.converters import stylegan1 as converter
from pie_jax.converters import stylegan_parts

from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import stylegan1
from tests import pickles
from tests import stylegan_reference as reference
from tests.converters import stylegan_files as files

SPELLINGS = ("interfacegan", "genforce", "lernapparat")


@pytest.fixture(scope="module")
def variables():
    return files.stylegan1()


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(stylegan_parts, "MEAN_SAMPLES", 64)


def convert(folder, content):
    path = folder / "stylegan.pkl"
    path.write_bytes(content)
    return converter.convert(path)


@pytest.fixture(scope="module")
def converted(variables, tmp_path_factory):
    content = pickles.tf_pickle(variables, files.OPTIONS1)
    return convert(tmp_path_factory.mktemp("converted"), content)


@pytest.fixture(scope="module")
def loaded(converted, tmp_path_factory):
    """The parameters after a round trip through the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIE_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))
        weights.save("stylegan1", *converted)
        return weights.load("stylegan1")


def test_the_result_has_the_networks_layout(converted, loaded):
    _, info = converted
    assert stylegan1.sizes(loaded) == (files.WIDTHS1, 8)
    layout = jax.eval_shape(
        lambda key: stylegan1.init_params(key, files.WIDTHS1), jax.random.key(0)
    )
    weights.check(loaded, layout, "stylegan1")
    assert info["resolution"] == "128"
    assert info["widths"] == ",".join(map(str, files.WIDTHS1))


def test_pictures_and_codes_are_those_of_the_reference(variables, loaded):
    network = stylegan1.stylegan1(files.WIDTHS1)
    rng = np.random.default_rng(5)
    z = rng.normal(size=(2, 512)).astype(np.float32)
    w = network.mapping(loaded, z)
    expected = [reference.mapping(variables, one, np.sqrt(2), 1.0) for one in z]
    np.testing.assert_allclose(w, expected, atol=1e-4 * np.abs(expected).max())
    w_plus = rng.normal(size=(2, network.num_ws, 512)).astype(np.float32)
    images = np.asarray(jax.jit(network.synthesis)(loaded, w_plus))
    expected = np.stack([reference.stylegan1(variables, one) for one in w_plus])
    assert images.shape == expected.shape == (2, 128, 128, 3)
    assert np.abs(images - expected).max() < 1e-4 * np.abs(expected).max()
    np.testing.assert_array_equal(loaded["w_avg"], variables["dlatent_avg"])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_forms_give_the_same_parameters(tmp_path, variables, converted, spelling):
    state = files.tensors(files.torch_stylegan1(variables, spelling))
    content = {"generator": 1, "generator_smooth": state, "discriminator": 2}
    content = content if spelling == "genforce" else state
    write = pickles.torch_legacy if spelling == "lernapparat" else pickles.torch_zip
    flat, info = convert(tmp_path, write(content))
    expected, _ = converted
    assert spelling in info["form"]
    assert flat.keys() == expected.keys()
    for name in flat:
        if spelling == "lernapparat" and ("noise" in name[-5:] or name == "w_avg"):
            assert flat[name].shape == expected[name].shape
            assert flat[name].std() > 0
        else:
            np.testing.assert_array_equal(flat[name], expected[name], err_msg=name)


def test_a_mean_that_no_file_holds_is_that_of_the_mapping(tmp_path, variables):
    state = files.tensors(files.torch_stylegan1(variables, "lernapparat"))
    flat, info = convert(tmp_path, pickles.torch_zip(state))
    z = np.random.default_rng(0).standard_normal((64, 512), np.float32)
    w = [reference.mapping(variables, one, np.sqrt(2), 1.0) for one in z]
    size = np.abs(w).max()
    np.testing.assert_allclose(flat["w_avg"], np.mean(w, axis=0), atol=1e-4 * size)
    assert info["w_avg"] == "estimated from draws" and info["noise"] == "drawn"


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, variables):
    wrong = dict(variables)
    del wrong["synthesis/8x8/Conv1/Noise/weight"], wrong["dlatent_avg"]
    wrong["synthesis/4x4/Conv/weight"] = np.zeros((3, 3, 5, 9), np.float32)
    wrong["synthesis/16x16/Conv1/bias"] = np.full(4, np.nan, np.float32)
    wrong["synthesis/extra"] = np.zeros(2, np.float32)
    content = pickles.tf_pickle(wrong, files.OPTIONS1 | {"use_pixel_norm": True})
    with pytest.raises(PieError) as caught:
        convert(tmp_path, content)
    for line in (
        "missing: synthesis/8x8/Conv1/Noise/weight [4]",
        "missing: dlatent_avg [512]",
        "misshapen: synthesis/4x4/Conv/weight: [3, 3, 5, 5] expected, float32 [3, 3,",
        "not finite: synthesis/16x16/Conv1/bias",
        "surplus: synthesis/extra [2]",
        "built otherwise: use_pixel_norm is True, only False is supported",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda v: pickles.tf_pickle(v, {"label_size": 10}), "conditional"),
        (lambda v: pickles.tf_pickle(files.stylegan2(), {}), "convert it as stylegan2"),
        (lambda v: pickles.torch_zip({"g_running": {}}), "another numeric scheme"),
        (lambda v: pickles.torch_zip([1]), "holds no StyleGAN 1"),
        (lambda v: files.ada_pickle(files.stylegan2()), "holds no StyleGAN 1"),
        (lambda v: pickles.tf_pickle(v, {})[:-3000], "truncated"),
        (lambda v: b"", "truncated"),
    ],
)
def test_other_files_are_told_apart(tmp_path, variables, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content(variables))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(PieError, match="Cannot read .*nothing.pkl"):
        converter.convert(tmp_path / "nothing.pkl")
